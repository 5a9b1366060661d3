/** @file Where runs are written: the flags that say where, what is done with a folder that is there, and how folders are named. */
import { relative } from 'node:path';
import type { ExistingFolder } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { Cli } from '../context/context.js';
import type { FlagTable } from '../flags/flag-table.js';

/** The flags of `discover`, `compare` and `experiment` about their folder. */
export const OUT_FLAGS = {
  out: { type: 'string', placeholder: 'DIR', doc: 'the run folder', unset: 'runs/TASK-MODEL-ALGO' },
  resume: { type: 'boolean', default: false, doc: 'go on with the run in the folder, or show it when finished' },
  overwrite: { type: 'boolean', default: false, doc: 'replace the run in the folder' },
} as const satisfies FlagTable;

/** What `--resume` and `--overwrite` ask for. @throws AutoCircuitError for both at once */
export function existingFolder(cli: Cli, where: string): ExistingFolder {
  const { resume, overwrite } = cli.flags(OUT_FLAGS);
  if (resume && overwrite) {
    throw new AutoCircuitError({
      code: 'conflicting-options',
      fields: { options: ['--resume', '--overwrite'] },
      where,
      what: '--resume and --overwrite exclude each other',
    });
  }
  return resume ? 'resume' : overwrite ? 'overwrite' : 'refuse';
}

/** A name as part of a folder's name: the last part of a path, without `.json`, blanks as `-`. */
export const folderName = (name: string): string =>
  name
    .replace(/^.*[/\\]/, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[.-]+|\.json$/g, '');

/** A path as the user would type it: from the current folder, where it lies below. */
export function shownPath(cli: Cli, path: string): string {
  const short = relative(cli.cwd, path);
  return short === '' || short.startsWith('..') ? path : short;
}
