/** @file The grid: every task × algorithm × seed as a cell, with the flags that `discover` would be given for it. */
import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { AutoCircuitError, unknownName } from '@auto-circuit/core/startup';
import type { TableFlag } from '../flags/table-flags.js';
import type { Experiment, ExperimentAlgo, ExperimentTask } from './experiment-file.js';
import type { OpenedExperiment } from './read-experiment-file.js';

/** By attribute name: what stands in place of flags on the command line. */
export type CellFlags = Readonly<Record<string, string | number | boolean>>;

/** Plain data, so that it can be sent to another process. */
export interface Cell {
  /** `TASK/ALGO/seed-N`. */
  readonly name: string;
  readonly task: string;
  readonly algo: string;
  readonly seed: number;
  readonly flags: CellFlags;
  readonly algoFlags: readonly TableFlag[];
  /** Cells of equal keys can be run on one opened model. */
  readonly openKey: string;
}

/** Tasks outermost, then algorithms, then seeds. @throws AutoCircuitError when two tasks or algorithms have one name */
export function experimentCells({ path, experiment }: OpenedExperiment): Cell[] {
  const tasks = experiment.tasks.map((task) => (typeof task === 'string' ? { task } : task));
  const algos = experiment.algos.map((algo) => (typeof algo === 'string' ? { algo } : algo));
  const taskNames = namesOf(tasks, 'tasks', taskName);
  const algoNames = namesOf(algos, 'algos', ({ name, algo }) => name ?? plainName(algo));
  const { metrics, settings = {}, seeds = [0] } = experiment;
  return tasks.flatMap((task, t) => {
    const { name: _, task: registered, data, model, ...own } = task;
    const sources = {
      ...(registered === undefined ? {} : { task: registered }),
      ...(data === undefined ? {} : { data: resolve(dirname(path), data) }),
      ...(model === undefined ? {} : { model: modelAt(dirname(path), model) }),
    };
    const opening = { ...flagsOf(settings), ...flagsOf(own), ...sources };
    return algos.flatMap(({ algo, options = {} }, a) =>
      [...new Set(seeds)].map((seed): Cell => {
        const [taskName, algoName] = [taskNames[t]!, algoNames[a]!];
        return {
          name: `${taskName}/${algoName}/seed-${seed}`,
          task: taskName,
          algo: algoName,
          seed,
          flags: { ...opening, algo, seed, ...(metrics ? { metric: metrics.join(',') } : {}) },
          algoFlags: Object.entries(options).map(([name, value]) => ({ prefix: 'algo', name, value: String(value) })),
          openKey: JSON.stringify(opening),
        };
      }),
    );
  });
}

function taskName({ name, task, data, model }: ExperimentTask): string {
  const own = name ?? task ?? (data === undefined ? '' : basename(data).replace(/\.json$/, ''));
  const source = plainName(own);
  return source === '' || name !== undefined || model === undefined
    ? source
    : `${source}@${plainName(basename(model))}`;
}

const plainName = (name: string): string => name.replace(/[/\s]+/g, '-');

/** @throws AutoCircuitError naming the key */
function namesOf<T extends ExperimentTask | ExperimentAlgo>(
  entries: readonly T[],
  key: string,
  nameOf: (entry: T) => string,
): string[] {
  const names = entries.map(nameOf);
  const nameless = names.indexOf('');
  if (nameless >= 0) {
    const at = `${key}[${nameless}]`;
    throw wrong(at, `"${at}" names neither a task nor data`, 'give it "task" or "data"');
  }
  const twin = names.findIndex((name, i) => names.indexOf(name) < i);
  if (twin < 0) return names;
  throw wrong(
    `${key}[${twin}]`,
    `"${key}[${names.indexOf(names[twin]!)}]" and "${key}[${twin}]" are both called "${names[twin]}"`,
    'give each its own "name"',
  );
}

const wrong = (key: string, what: string, fix: string): AutoCircuitError =>
  new AutoCircuitError({ code: 'invalid-file', fields: { key }, where: 'experiment', what, fix });

/** A folder by its path from the experiment file; other names as they are. */
function modelAt(folder: string, model: string): string {
  const path = resolve(folder, model);
  return existsSync(path) ? path : model;
}

/** As on a command line: lists with commas. */
function flagsOf(settings: NonNullable<Experiment['settings']>): Record<string, string | number | boolean> {
  const texts = ['edges', 'keep', 'test'];
  return Object.fromEntries(
    Object.entries(settings)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [
        name,
        texts.includes(name) ? (Array.isArray(value) ? value.join(',') : String(value)) : value,
      ]),
  ) as Record<string, string | number | boolean>;
}

/**
 * The cells whose name, or a part of it between slashes, one of the patterns matches; patterns have commas between them,
 * `*` stands for any text and `?` for one character.
 * @throws AutoCircuitError when none does
 */
export function matchingCells(cells: readonly Cell[], patterns: string): Cell[] {
  const tests = patterns.split(',').map((pattern) => wildcard(pattern.trim()));
  const found = cells.filter(({ name }) => tests.some((test) => [name, ...name.split('/')].some((text) => test(text))));
  if (found.length > 0) return found;
  throw unknownName(
    'experiment',
    'cells for --only:',
    patterns,
    cells.map(({ name }) => name),
  );
}

function wildcard(pattern: string): (text: string) => boolean {
  const source = pattern
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const expression = new RegExp(`^${source}$`);
  return (text) => expression.test(text);
}
