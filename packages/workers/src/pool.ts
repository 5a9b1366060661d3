/**
 * @file Several processes with the same backend in each, as one backend that runs as many things at once. Weights in files
 * are mapped by all of them: one copy in memory.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Backend, Executable, Feeds, Results } from '@auto-circuit/core/backend';
import { type BackendPort, backendOver, unusable } from './backend-worker.js';
import type { WorkerMessage, WorkerStart } from './backend-worker-messages.js';

const ENTRY = fileURLToPath(new URL('./backend-process-entry.js', import.meta.url));

/** A first-party backend in a process of its own. Programs, feeds and results are copied. */
export function backendInProcess(start: WorkerStart): Promise<Backend> {
  const child = fork(ENTRY, [], {
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit');
  const port: BackendPort = {
    post: (message) => child.send(message),
    onMessage: (listener) => child.on('message', (message) => listener(message as WorkerMessage)),
    onEnd: (listener) => {
      child.on('error', listener);
      child.on('exit', (code, signal) => listener(unusable(`its process ended ${signal ?? `with code ${code}`}`)));
    },
    async end() {
      if (child.connected) child.disconnect();
      if (child.exitCode === null && child.signalCode === null) await ended;
    },
  };
  child.send(start);
  return backendOver(port);
}

/**
 * @param workers processes; each runs one thing at a time
 * @throws AutoCircuitError what the backend itself throws on being made
 */
export async function backendPool(start: WorkerStart, workers: number): Promise<Backend> {
  const made = await Promise.allSettled(Array.from({ length: workers }, () => backendInProcess(start)));
  const members = made.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = made.find((result) => result.status === 'rejected');
  const disposeAll = async (): Promise<void> => {
    await Promise.all(members.map((member) => member.dispose()));
  };
  if (failed) {
    await disposeAll();
    throw failed.reason;
  }
  const idle = new IdleMembers(members);
  return Object.freeze<Backend>({
    info: members[0]!.info,
    parallel: workers,
    async compile(...args) {
      const executables = new Map<Backend, Promise<Executable>>();
      const on = (member: Backend): Promise<Executable> => {
        const known = executables.get(member) ?? member.compile(...args);
        executables.set(member, known);
        return known;
      };
      const turn = async <R>(work: (member: Backend) => Promise<R>): Promise<R> => {
        const member = await idle.take((one) => executables.has(one));
        try {
          return await work(member);
        } finally {
          idle.give(member);
        }
      };
      await turn(on); // what is wrong with the program is said now; the other members compile it when they run it
      const running = new Set<Promise<unknown>>();
      let disposed: Promise<void> | null = null;
      const dispose = async (): Promise<void> => {
        await Promise.allSettled(running);
        for (const executable of executables.values()) await (await executable).dispose();
      };
      return Object.freeze<Executable>({
        async run(feeds: Feeds): Promise<Results> {
          if (disposed) throw unusable(`program "${args[0].name}" is disposed`);
          const run = turn(async (member) => (await on(member)).run(feeds));
          running.add(run);
          try {
            return await run;
          } finally {
            running.delete(run);
          }
        },
        dispose() {
          disposed ??= dispose();
          return disposed;
        },
      });
    },
    dispose: disposeAll,
  });
}

/** Members that run nothing, and those who wait for one, first come first served. */
class IdleMembers {
  readonly #idle: Backend[];
  readonly #waiting: ((member: Backend) => void)[] = [];

  constructor(members: readonly Backend[]) {
    this.#idle = [...members];
  }

  /** Rather one that `prefers`. */
  async take(prefers: (member: Backend) => boolean): Promise<Backend> {
    if (this.#idle.length === 0) return new Promise((resolve) => this.#waiting.push(resolve));
    const [member] = this.#idle.splice(Math.max(0, this.#idle.findIndex(prefers)), 1);
    return member!;
  }

  give(member: Backend): void {
    const next = this.#waiting.shift();
    if (next) next(member);
    else this.#idle.push(member);
  }
}
