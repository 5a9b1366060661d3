/** @file A process with one backend in it, of a pool; it ends with its parent. The first message says what to start. */
import { openRoom } from './backend-room.js';
import { ownTensors, type WorkerRequest, type WorkerStart } from './backend-worker-messages.js';

process.on('SIGINT', () => undefined); // Ctrl-C reaches the whole group of processes; the parent says what to do
process.on('disconnect', () => process.exit(1));
process.once('message', async (start: WorkerStart) => {
  const answer = await openRoom(start, (message) => {
    if (process.connected) process.send!(message);
  });
  if (!answer) return;
  process.on('message', (message: { readonly id: number; readonly request: WorkerRequest }) => {
    const { id, request } = message;
    if (request.kind !== 'run') answer(message);
    // Arrays lie anywhere in a message, and kernels sum in another order where memory begins elsewhere: the last digits would
    // depend on how long the message's number is.
    else answer({ id, request: { ...request, feeds: ownTensors(request.feeds).tensors } });
  });
});
