/** @file The interpreter, with a log of what it compiles, runs and lets go: for tests of when things are run. */
import type { Backend } from '../backend/backend.js';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';

/** A backend in float64 that writes down the names of programs. */
export interface CountingBackend {
  readonly backend: Backend;
  /** By program name, in the order of running; cleared by the test. */
  readonly runs: string[];
  readonly compiled: string[];
  /** Names of executables that were let go. */
  readonly disposed: string[];
}

/** @param parallel runs that the backend says it is worth asking for at once */
export function countingBackend(parallel = 1): CountingBackend {
  const inner = interpreterBackend({ precision: 'float64' });
  const [runs, compiled, disposed]: string[][] = [[], [], []];
  const backend: Backend = {
    ...inner,
    parallel,
    async compile(program, ...rest) {
      compiled!.push(program.name);
      const executable = await inner.compile(program, ...rest);
      return {
        ...executable,
        run(feeds) {
          runs!.push(program.name);
          return executable.run(feeds);
        },
        async dispose() {
          disposed!.push(program.name);
          await executable.dispose();
        },
      };
    },
  };
  return { backend, runs: runs!, compiled: compiled!, disposed: disposed! };
}
