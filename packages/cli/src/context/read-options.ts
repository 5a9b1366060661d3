/** @file How commands meet damaged run folders: refused, or with `--force` read with a warning. */
import type { ReadOptions } from '@auto-circuit/core/run';
import type { FlagTable } from '../flags/flag-table.js';
import type { Cli } from './context.js';

/** For commands that only read runs; those that measure have a `--force` that means more. */
export const READ_FLAGS = {
  force: { type: 'boolean', default: false, doc: 'read runs although files of them are damaged' },
} as const satisfies FlagTable;

/** What the command line says about damaged files; each warning is given once, however often a run is read. */
export function readOptions(cli: Cli): ReadOptions {
  const said = new Set<string>();
  return {
    force: cli.flags(READ_FLAGS).force,
    onWarning(line) {
      if (!said.has(line)) cli.output.warn(line);
      said.add(line);
    },
  };
}
