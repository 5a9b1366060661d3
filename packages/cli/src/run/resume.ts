/** @file `discover --resume` without more: what `run.json` knows need not be said again; flags that are given are compared with it. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RunJson } from '@auto-circuit/core/run';
import { AutoCircuitError, kebabCase } from '@auto-circuit/core/startup';
import type { Command } from 'commander';
import type { Cli } from '../context/context.js';
import { readOptions } from '../context/read-options.js';
import { type FlagDefaults, givenFlags, runDefaults, withDefaults } from './run-defaults.js';
import { ALGO_FLAGS, SOURCE_FLAGS } from './run-flags.js';
import { OUT_FLAGS, shownPath } from './run-folder.js';

/**
 * With `--resume`, a `Cli` whose flags default to what the run in the folder was asked. The folder is that of `--out`, or where
 * the command line names neither a folder nor a task, data or algorithm, the only unfinished run below `runs`.
 * @throws AutoCircuitError where there is no such run, or more than one
 */
export async function withResumedRun(cli: Cli, command: Command): Promise<Cli> {
  const { resume, out } = cli.flags(OUT_FLAGS);
  if (!resume) return cli;
  const folder = out ?? (namesRun(cli) ? null : unfinishedRun(cli));
  if (folder === null || !existsSync(join(resolve(cli.cwd, folder), RUN_FILE))) return cli;
  const { readRun } = await import('@auto-circuit/core/run');
  const run = await readRun(resolve(cli.cwd, folder), readOptions(cli));
  const resumed = withDefaults(cli, command, { ...resumeDefaults(run, command), out: folder });
  return Object.freeze({ ...resumed, tableFlags: [...cli.tableFlags, ...algoFlagsOf(run, cli)] });
}

const RUN_FILE = 'run.json';

function namesRun(cli: Cli): boolean {
  const { task, data } = cli.flags(SOURCE_FLAGS);
  return [task, data, cli.flags(ALGO_FLAGS).algo].some((value) => value !== undefined);
}

/** Metrics as `--metric` takes them, with the options that they had. */
const metricTexts = (metrics: RunJson['asked']['metrics']): string =>
  metrics
    .map(({ name, options }) => {
      const given = Object.entries(options).map(([option, value]) => `${option}=${value}`);
      return given.length === 0 ? name : `${name}(${given.join(',')})`;
    })
    .join(',');

/** What `discover` was given; the run was allowed, so it is again. */
function resumeDefaults(run: RunJson, command: Command): FlagDefaults {
  const { algo, metrics, objective, sizes, keep, perPrompt } = run.asked;
  const given = givenFlags(command);
  const ofSizes = {
    edges:
      sizes.by === 'list'
        ? sizes.counts.join(',')
        : sizes.by === 'rule' && sizes.rule !== 'default'
          ? sizes.rule
          : null,
    threshold: sizes.by === 'threshold' ? sizes.threshold : null,
  };
  return {
    ...runDefaults(run, command),
    ...{ algo: algo.name, metric: metricTexts(metrics), objective, keep: `${keep}`, perPrompt, force: true },
    // one of the two on the command line is in place of both
    ...(given.includes('edges') || given.includes('threshold') ? {} : ofSizes),
  };
}

/** The run's options of its algorithm, but for those of the command line; none where that names an algorithm. */
function algoFlagsOf({ asked }: RunJson, cli: Cli): Cli['tableFlags'] {
  if (cli.flags(ALGO_FLAGS).algo !== undefined) return [];
  const given = cli.tableFlags.filter(({ prefix }) => prefix === 'algo').map(({ name }) => kebabCase(name));
  return Object.entries(asked.algo.options)
    .filter(([name]) => !given.includes(kebabCase(name)))
    .map(([name, value]) => ({ prefix: 'algo', name, value: String(value) }));
}

/** @throws AutoCircuitError unless exactly one run below `runs` is unfinished */
function unfinishedRun(cli: Cli): string {
  const below = resolve(cli.cwd, 'runs');
  const names = existsSync(below) ? readdirSync(below, { withFileTypes: true }) : [];
  const unfinished = names
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(below, name))
    .filter((folder) => existsSync(join(folder, RUN_FILE)) && existsSync(join(folder, 'partial')))
    .map((folder) => shownPath(cli, folder))
    .sort();
  if (unfinished.length === 1) return unfinished[0]!;
  throw new AutoCircuitError({
    code: 'missing-option',
    fields: { option: '--out', known: unfinished },
    where: 'discover',
    what: unfinished.length === 0 ? 'there is no unfinished run in runs/' : 'several runs in runs/ are unfinished',
    ...(unfinished.length > 0 ? { expected: 'one of them', got: unfinished.join(', ') } : {}),
    fix: 'name the folder: --resume --out DIR',
  });
}
