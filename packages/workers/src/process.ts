/** @file A backend in a process of its own. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Backend } from '@auto-circuit/core/backend';
import { unusable } from './connection.js';
import type { HostMessage, RequestMessage, WorkerBackend } from './messages.js';
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
  // Not `once` of node:events, which rejects on an error event.
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) =>
      resolve(`its process ended ${signal === null ? `with code ${code}` : `by ${signal}`}${reasonOf(signal)}`),
    );
    child.on('error', (error) => {
      if (child.pid === undefined) resolve(`its process did not start: ${error.message}`);
    });
  });
  // Without a channel it is of no use; how it ended is what there is to say, so that is waited for.
  const send = (message: WorkerBackend | RequestMessage): void => {
    child.send(message, (error) => {
      if (error) child.kill('SIGKILL');
    });
  };
  send(start);
  return remoteBackend(
    {
      send,
      onReceive: (listener) => child.on('message', (message) => listener(message as HostMessage)),
      onEnd: (listener) => void ended.then((how) => listener(unusable(how, 'worker-failed'))),
      async end() {
        if (child.connected) child.disconnect();
        await ended;
      },
    },
    true,
  );
}
