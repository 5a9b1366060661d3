/** @file What a process of a pool runs: one backend, until its parent ends. The first message says which. */
import { startHost } from './host.js';
import { ownTensors, type RequestMessage, type WorkerBackend } from './messages.js';

process.on('SIGINT', () => undefined); // Ctrl-C reaches the whole group of processes; the parent decides what to do
process.on('disconnect', () => process.exit(1));
process.once('message', async (start: WorkerBackend) => {
  const reply = await startHost(start, (message) => {
    // A parent that has just died is no matter: this process ends with it.
    if (process.connected) process.send!(message, undefined, undefined, () => undefined);
  });
  if (!reply) return;
  process.on('message', (message: RequestMessage) => {
    const { id, request } = message;
    if (request.kind !== 'run') reply(message);
    // Arrays may begin anywhere in a message, and kernels sum in another order where memory is aligned otherwise: without a
    // copy the last digits would depend on how long the message's number is.
    else reply({ id, request: { ...request, feeds: ownTensors(request.feeds).tensors } });
  });
});
