/**
 * @file The folder of an experiment: `experiment.json` (what was asked, and how far each cell got), `cells/` with a run folder
 * for each, `results.json` and `results.csv` (a row for each cell, metric and size), `report.html`.
 */
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { AutoCircuitError } from '../errors/error.js';
import { writeFileAtomic } from '../files/atomic-file.js';
import { fileError } from '../files/file-error.js';
import { makeFolder } from '../files/folder.js';
import { readWholeText } from '../files/read-whole.js';
import { type FolderLock, LOCK_NAME, lockFolder } from './lock.js';
import { type ExistingFolder, isTemporary, removeTemporaries } from './run-files.js';
import { type JsonNumber, numberSchema, parseBySchema, toJsonText } from './schemas.js';
import { sealed, sealedJsonError } from './seal.js';

/** The files of an experiment by what they hold. */
export const EXPERIMENT_FILES = Object.freeze({
  experiment: 'experiment.json',
  results: 'results.json',
  table: 'results.csv',
  report: 'report.html',
  cells: 'cells',
});

/** One cell in `experiment.json`: a task, an algorithm, a seed, and how far its run got. */
export const experimentCellSchema = z.object({
  /** `TASK/ALGO/seed-N`. */
  name: z.string(),
  task: z.string(),
  algo: z.string(),
  seed: z.number(),
  /** The address of the run; null where model or data could not be opened. */
  hash: z.string().nullable(),
  state: z.enum(['waiting', 'done', 'failed']),
  /** Why it failed. */
  error: z.string().optional(),
});
/** A cell, as `experiment.json` has it. */
export type ExperimentCell = z.infer<typeof experimentCellSchema>;

/** `experiment.json`. */
export const experimentSchema = z.object({
  format: z.literal('auto-circuit experiment 1'),
  name: z.string(),
  /** The experiment file. */
  asked: z.record(z.string(), z.unknown()),
  /** Threads of each backend session: part of what decides the last digits, so `--resume` keeps to it. */
  threads: z.int().min(1),
  /** The kinds of hardware that cells were computed on, where they are more than one and that was allowed. */
  hardware: z.array(z.string()).optional(),
  cells: z.array(experimentCellSchema),
  /** Of this file itself, without this line; earlier versions wrote none. */
  sha256: z.string().optional(),
});
/** The content of `experiment.json`. */
export type ExperimentJson = z.infer<typeof experimentSchema>;

/** One row of the results: a metric at a circuit size of a cell. */
export const resultRowSchema = z.object({
  cell: z.string(),
  task: z.string(),
  model: z.string(),
  algo: z.string(),
  seed: z.number(),
  metric: z.string(),
  unit: z.string(),
  requested: z.number().nullable(),
  edges: z.number(),
  edgesConnected: z.number(),
  /** Whether this is the size of the circuit that was kept. */
  kept: z.boolean(),
  value: numberSchema,
  standardError: numberSchema.nullable(),
  faithfulness: numberSchema.nullable(),
  /** The metric of the whole model, and with every edge patched. */
  ofModel: numberSchema,
  ofEmpty: numberSchema,
});
/** A row of `results.json` and `results.csv`. */
export type ResultRow = z.infer<typeof resultRowSchema>;

/** `results.json`. */
export const resultsSchema = z.object({
  format: z.literal('auto-circuit results 1'),
  name: z.string(),
  rows: z.array(resultRowSchema),
});

/** An experiment's folder that this process writes; made by `openExperimentFolder`, to be closed. */
export class ExperimentFolder {
  readonly folder: string;
  /** What an earlier process left; null for a new experiment. */
  readonly before: ExperimentJson | null;
  readonly #lock: FolderLock;

  constructor(folder: string, before: ExperimentJson | null, lock: FolderLock) {
    this.folder = folder;
    this.before = before;
    this.#lock = lock;
  }

  path(file: keyof typeof EXPERIMENT_FILES): string {
    return join(this.folder, EXPERIMENT_FILES[file]);
  }
  async writeExperiment(experiment: ExperimentJson): Promise<void> {
    const value = sealed(experiment, EXPERIMENT_FILES.experiment);
    await writeFileAtomic(this.path('experiment'), toJsonText(value, this.path('experiment')));
  }
  /** Both forms of the same rows. */
  async writeResults(name: string, rows: readonly ResultRow[]): Promise<void> {
    const results = { format: 'auto-circuit results 1', name, rows };
    await writeFileAtomic(this.path('results'), toJsonText(results, this.path('results')));
    await writeFileAtomic(this.path('table'), csvText(Object.keys(resultRowSchema.shape), rows));
  }
  async writeReport(html: string): Promise<void> {
    await writeFileAtomic(this.path('report'), html);
  }
  async close(): Promise<void> {
    await this.#lock.release();
  }
}

/** The run folder of a cell. */
export const cellFolder = (folder: string, hash: string): string => join(folder, EXPERIMENT_FILES.cells, hash);

/** The experiment of a folder, or null. @throws AutoCircuitError `run-damaged` for a file that is not what was written */
export async function readExperiment(folder: string): Promise<ExperimentJson | null> {
  const path = join(folder, EXPERIMENT_FILES.experiment);
  if (!existsSync(path)) return null;
  const text = await readWholeText(path).catch((cause: unknown) => {
    throw fileError('experiment', 'read', path, cause);
  });
  try {
    const { sha256, ...experiment } = parseBySchema(experimentSchema, text, path);
    const wrong = sha256 === undefined ? null : sealedJsonError(JSON.parse(text), EXPERIMENT_FILES.experiment);
    if (wrong !== null) throw damaged(folder, path, wrong);
    return experiment;
  } catch (cause) {
    if (!(cause instanceof AutoCircuitError) || cause.code === 'run-damaged') throw cause;
    throw damaged(folder, path, cause.code === 'invalid-json' ? 'it is no JSON' : 'it lacks a part', cause);
  }
}

const damaged = (folder: string, path: string, how: string, cause?: unknown): AutoCircuitError =>
  new AutoCircuitError({
    code: 'run-damaged',
    fields: { path: folder, file: EXPERIMENT_FILES.experiment },
    where: 'experiment',
    what: `${path} is not what was written: ${how}`,
    fix: 'remove it: an experiment that is resumed keeps the cells that are done',
    cause,
  });

/**
 * Makes or opens an experiment's folder. With `resume` the experiment may have changed: cells are known by their content.
 * @throws AutoCircuitError when another process writes it, when it holds something else, or an experiment (`refuse`)
 */
export async function openExperimentFolder(folder: string, existing: ExistingFolder): Promise<ExperimentFolder> {
  const path = resolve(folder);
  try {
    await makeFolder(path);
    await refuse(path, existing);
    const lock = await lockFolder(path);
    try {
      // experiment.json goes first, so that a folder which is half removed never looks like an experiment.
      if (existing === 'overwrite') {
        for (const name of Object.values(EXPERIMENT_FILES))
          await rm(join(path, name), { recursive: true, force: true });
      }
      await removeTemporaries(path);
      const before = await readExperiment(path);
      await makeFolder(join(path, EXPERIMENT_FILES.cells));
      return new ExperimentFolder(path, before, lock);
    } catch (cause) {
      await lock.release();
      throw cause;
    }
  } catch (cause) {
    throw fileError('experiment', 'use', path, cause);
  }
}

async function refuse(folder: string, existing: ExistingFolder): Promise<void> {
  if (existsSync(join(folder, EXPERIMENT_FILES.experiment))) {
    if (existing !== 'refuse') return;
    throw new AutoCircuitError({
      code: 'run-exists',
      fields: { path: folder },
      where: 'experiment',
      what: `${folder} already holds an experiment`,
      fix: 'resume it, overwrite it, or choose another folder',
    });
  }
  const known: readonly string[] = [...Object.values(EXPERIMENT_FILES), LOCK_NAME];
  const foreign = (await readdir(folder)).find((name) => !known.includes(name) && !isTemporary(name));
  if (foreign === undefined) return;
  throw new AutoCircuitError({
    code: 'folder-not-empty',
    fields: { path: folder, file: foreign },
    where: 'experiment',
    what: `${folder} is not empty and holds no experiment: it holds "${foreign}"`,
    fix: 'choose an empty or a new folder',
  });
}

/**
 * Comma-separated values as RFC 4180 has them, but for plain line ends; null is empty. Names that a spreadsheet would take for a
 * formula stand behind an apostrophe; numbers stay as they are.
 */
export function csvText(
  columns: readonly string[],
  rows: readonly Readonly<Record<string, JsonNumber | string | boolean | null>>[],
): string {
  const field = (value: unknown): string => {
    const plain = value === null || value === undefined ? '' : String(value);
    const formula = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) && !/^-?inf$/.test(value);
    const text = formula ? `'${plain}` : plain;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [columns, ...rows.map((row) => columns.map((name) => row[name]))];
  return `${lines.map((line) => line.map(field).join(',')).join('\n')}\n`;
}
