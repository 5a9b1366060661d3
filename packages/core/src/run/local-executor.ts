/** @file The built-in executor: processes on this machine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { AutoCircuitError } from '../errors/error.js';
import { defineExecutor, type ExecutorWork } from '../plugin/executor.js';

/** Runs a few shards at a time, each in a process of its own. */
export const localExecutor = defineExecutor({
  name: 'local',
  doc: 'processes on this machine, a few at a time',
  options: {
    workers: {
      type: 'int',
      min: 0,
      default: 0,
      doc: 'processes at a time; 0: as many as have cores for the threads of the plan',
    },
  },
  async run(work, { workers = 0 }) {
    const { shards, signal, threads } = work;
    const slots = workers === 0 ? Math.max(1, Math.floor(availableParallelism() / threads)) : workers;
    const waiting = [...shards];
    const running = new Set<ChildProcess>();
    const stop = (): void => {
      for (const child of running) child.kill('SIGTERM');
    };
    signal?.addEventListener('abort', stop);
    const slot = async (): Promise<void> => {
      for (let shard = waiting.shift(); shard !== undefined && !signal?.aborted; shard = waiting.shift()) {
        await runOne(work, shard, running);
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.min(slots, shards.length) }, slot));
    } finally {
      signal?.removeEventListener('abort', stop);
    }
    signal?.throwIfAborted();
    return 'ended';
  },
});

async function runOne({ command, say }: ExecutorWork, shard: number, running: Set<ChildProcess>): Promise<void> {
  const [program, ...args] = command(shard);
  const child = spawn(program!, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  running.add(child);
  try {
    const [code, signal] = await new Promise<readonly [number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('exit', (...how) => resolve(how));
      child.once('error', (cause) => reject(notStarted(program!, cause)));
    });
    say(
      code === 0
        ? `shard ${shard} done`
        : `shard ${shard} ended ${signal === null ? `with code ${code}` : `by ${signal}`}`,
    );
  } finally {
    running.delete(child);
  }
}

const notStarted = (program: string, cause: Error): AutoCircuitError =>
  new AutoCircuitError({
    code: 'worker-failed',
    where: 'local',
    what: `${program} cannot be started: ${cause.message}`,
    cause,
  });
