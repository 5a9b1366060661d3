/** @file Where runs are written: the flags that say where, what is done with a folder that is there, and how folders are named. */
import { createHash } from 'node:crypto';
import { basename, relative, resolve } from 'node:path';
import type { ExistingFolder } from '@auto-circuit/core/run';
import { AutoCircuitError, kebabCase } from '@auto-circuit/core/startup';
import type { Command } from 'commander';
import type { Cli } from '../context/context.js';
import type { FlagTable } from '../flags/flag-table.js';
import { givenFlags } from './run-defaults.js';

/** The flags of `discover`, `compare` and `experiment` about their folder. */
export const OUT_FLAGS = {
  out: {
    type: 'string',
    placeholder: 'DIR',
    doc: 'the run folder',
    unset: 'runs/TASK-MODEL-ALGO, with the settings given',
  },
  resume: { type: 'boolean', default: false, doc: 'continue the run in the folder, or show it if finished' },
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
      what: '--resume and --overwrite cannot be used together',
    });
  }
  return resume ? 'resume' : overwrite ? 'overwrite' : 'refuse';
}

/** A name as part of a folder's name: the last part of a path, without `.json`, blanks as `-`. */
export const folderName = (name: string): string =>
  (/^[./\\]*$/.test(name) ? basename(resolve(name)) : name)
    .replace(/[/\\]+$/, '')
    .replace(/^.*[/\\]/, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[.-]+|\.json$/g, '');

/** A path as the user would type it: from the current folder, where it lies below. */
export function shownPath(cli: Cli, path: string): string {
  const short = relative(cli.cwd, path);
  return short === '' || short.startsWith('..') ? path : short;
}

/** Folders cannot have names of any length. */
const LONGEST = 80;

/** A text that is part of a folder's name; of a long one the beginning and what tells it from others. */
export const shortened = (text: string): string =>
  text.length <= LONGEST
    ? text
    : `${text.slice(0, LONGEST - 9)}-${createHash('sha256').update(text).digest('hex').slice(0, 8)}`;

/** Flags that a run's numbers do not depend on, or that are in its folder's name already. */
const NOT_NAMED: readonly string[] = [
  ...['task', 'data', 'model', 'algo', 'algos', 'out', 'resume', 'overwrite', 'force'],
  ...['memory', 'worker', 'workers', 'json', 'quiet', 'debug', 'plugin', 'config'],
];

/**
 * The settings of a command line as part of a folder's name, so that runs of different settings have folders of their own:
 * `-steps-20-ablation-zero-seed-3`; empty where none are given.
 */
export function settingsSuffix({ tableFlags }: Cli, command: Command): string {
  const options = tableFlags.filter(({ prefix }) => prefix === 'algo');
  const flags = givenFlags(command).filter((name) => !NOT_NAMED.includes(name));
  const parts = [
    ...options.map(({ name, value }) => `${kebabCase(name)}-${value}`),
    ...flags.map((name) => settingText(kebabCase(name), command.getOptionValue(name))),
  ];
  return shortened(parts.map((part) => `-${part.replace(/[^A-Za-z0-9._-]+/g, '-')}`).join(''));
}

const settingText = (name: string, value: unknown): string =>
  value === true ? name : value === false ? `no-${name}` : `${name}-${value}`;
