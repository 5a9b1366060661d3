/** @file What a worker thread runs: one backend, which replies to compile, run, release and dispose in their order. */
import { parentPort, workerData } from 'node:worker_threads';
import { startHost } from './host.js';
import type { WorkerBackend } from './messages.js';

const port = parentPort!;
const reply = await startHost(workerData as WorkerBackend, (message, buffers = []) =>
  port.postMessage(message, [...buffers]),
);
if (reply) port.on('message', reply);
