/** @file A backend in a worker thread, so that the calling thread stays free while it computes. */
import { Worker } from 'node:worker_threads';
import type { Backend } from '@auto-circuit/core/backend';
import { unusable } from './connection.js';
import type { WorkerBackend } from './messages.js';
import { remoteBackend } from './remote-backend.js';

const ENTRY = new URL('./thread-entry.js', import.meta.url);

/**
 * Starts a worker thread with a backend in it. Programs, feeds and results are copied between the threads; weights in files
 * are read there, those in memory are copied once for each store.
 * @throws AutoCircuitError what the backend itself throws on being made
 */
export function backendInThread(start: WorkerBackend): Promise<Backend> {
  // only our entry runs in it, so the flags of this process (of a loader, for example) are not passed on
  const worker = new Worker(ENTRY, { workerData: start, execArgv: [] });
  return remoteBackend(
    {
      send: (message, buffers) => worker.postMessage(message, [...buffers]),
      onReceive: (listener) => worker.on('message', listener),
      onEnd: (listener) => {
        worker.on('error', listener);
        worker.on('exit', (code) => listener(unusable(`its thread ended with code ${code}`, 'worker-failed')));
      },
      end: async () => {
        await worker.terminate();
      },
    },
    false,
  );
}
