/** @file A worker thread with one backend in it: makes it, then answers compile, run, release and dispose in their order. */
import { parentPort, workerData } from 'node:worker_threads';
import { openRoom } from './backend-room.js';
import type { WorkerStart } from './backend-worker-messages.js';

const port = parentPort!;
const answer = await openRoom(workerData as WorkerStart, (message, buffers = []) =>
  port.postMessage(message, [...buffers]),
);
if (answer) port.on('message', answer);
