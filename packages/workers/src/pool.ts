/**
 * @file Several processes with the same backend in each, as one backend that runs as many things at once. Weights in files
 * are mapped by all of them: one copy in memory.
 */
import type { Backend, Executable, Feeds, Results } from '@auto-circuit/core/backend';
import { unusable } from './connection.js';
import type { WorkerBackend } from './messages.js';
import { backendInProcess } from './process.js';

/**
 * Starts the processes and waits until each has its backend.
 * @param workers processes; each runs one thing at a time
 * @throws AutoCircuitError what the backend itself throws on being made
 */
export async function backendPool(start: WorkerBackend, workers: number): Promise<Backend> {
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
      const compiledOn = (member: Backend): Promise<Executable> => {
        const compiled = executables.get(member) ?? member.compile(...args);
        executables.set(member, compiled);
        return compiled;
      };
      const withMember = async <R>(work: (member: Backend) => Promise<R>): Promise<R> => {
        const member = await idle.take((candidate) => executables.has(candidate));
        try {
          return await work(member);
        } finally {
          idle.give(member);
        }
      };
      // One member compiles now, so that a wrong program is refused here; the others when they first run it.
      await withMember(compiledOn);
      const running = new Set<Promise<unknown>>();
      let disposed: Promise<void> | null = null;
      const dispose = async (): Promise<void> => {
        await Promise.allSettled(running);
        for (const executable of executables.values()) await (await executable).dispose();
      };
      return Object.freeze<Executable>({
        async run(feeds: Feeds): Promise<Results> {
          if (disposed) throw unusable(`program "${args[0].name}" is disposed`, 'already-disposed');
          const run = withMember(async (member) => (await compiledOn(member)).run(feeds));
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
    async processMemory() {
      const peaks = await Promise.all(members.map((member) => member.processMemory?.() ?? 0));
      return peaks.reduce((sum, bytes) => sum + bytes, 0);
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

  /** Waits for a member; of several idle ones, takes one that is `preferred` where there is one. */
  async take(preferred: (member: Backend) => boolean): Promise<Backend> {
    if (this.#idle.length === 0) return new Promise((resolve) => this.#waiting.push(resolve));
    const [member] = this.#idle.splice(Math.max(0, this.#idle.findIndex(preferred)), 1);
    return member!;
  }

  give(member: Backend): void {
    const next = this.#waiting.shift();
    if (next) next(member);
    else this.#idle.push(member);
  }
}
