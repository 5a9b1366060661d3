/** @file A backend in a process of its own. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Backend } from '@auto-circuit/core/backend';
import { unusable } from './connection.js';
import type { HostMessage, WorkerBackend } from './messages.js';
import { remoteBackend } from './remote-backend.js';

const ENTRY = fileURLToPath(new URL('./process-entry.js', import.meta.url));

/** What a signal means that nobody sends. */
const reasonOf = (signal: string | null): string =>
  signal === 'SIGBUS' ? ', as a file of weights was cut short while it was mapped' : '';

/**
 * Starts a process with a backend in it. Programs, feeds and results are copied; weights in files are read there.
 * @throws AutoCircuitError what the backend itself throws on being made
 */
export function backendInProcess(start: WorkerBackend): Promise<Backend> {
  const child = fork(ENTRY, [], {
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  child.send(start);
  return remoteBackend(
    {
      send: (message) => child.send(message),
      onReceive: (listener) => child.on('message', (message) => listener(message as HostMessage)),
      onEnd: (listener) => {
        child.on('error', listener);
        child.on('exit', (code, signal) =>
          listener(unusable(`its process ended ${signal ?? `with code ${code}`}${reasonOf(signal)}`, 'worker-failed')),
        );
      },
      async end() {
        if (child.connected) child.disconnect();
        if (child.exitCode === null && child.signalCode === null) await exited;
      },
    },
    true,
  );
}
