/** @file A backend whose work is done by a worker: compile, run and dispose become requests. */
import type { Backend, BackendInfo, Executable } from '@auto-circuit/core/backend';
import { Connection, unusable, type WorkerPort } from './connection.js';
import { ownTensors } from './messages.js';
import { WeightSender } from './weight-sender.js';

/**
 * @param apart whether the worker has memory of its own: a process, not a thread
 * @throws AutoCircuitError what the backend itself throws on being made
 */
export async function remoteBackend(port: WorkerPort, apart: boolean): Promise<Backend> {
  const connection = new Connection(port);
  let info: BackendInfo;
  try {
    info = await connection.started;
  } catch (error) {
    await connection.end();
    throw error;
  }
  const sender = new WeightSender((store) => connection.send({ kind: 'forget', store }));
  let ended: Promise<void> | null = null;
  return Object.freeze<Backend>({
    info,
    async compile(program, weights, hint) {
      const sent = sender.missing(program, weights);
      const executable = await connection.request({
        kind: 'compile',
        program,
        weights: sent,
        ...(hint ? { hint } : {}),
      });
      let released: Promise<null> | null = null;
      return Object.freeze<Executable>({
        async run(feeds) {
          if (released) throw unusable(`program "${program.name}" is disposed`, 'already-disposed');
          const { tensors, buffers } = ownTensors(feeds);
          return connection.request({ kind: 'run', executable, feeds: tensors }, buffers);
        },
        async dispose() {
          if (connection.ended) return;
          released ??= connection.request({ kind: 'release', executable });
          await released;
        },
      });
    },
    ...(apart ? { processMemory: () => connection.request({ kind: 'memory' }) } : {}),
    dispose() {
      // A worker that died has told everyone who waited; there is nothing left to free.
      ended ??= connection.ended
        ? connection.end()
        : connection.request({ kind: 'dispose' }).then(() => connection.end());
      return ended;
    },
  });
}
