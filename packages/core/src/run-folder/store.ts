/**
 * @file The run folder: which files it has, in which order they appear, and how a run that was killed is taken up again.
 *
 * `run.json` comes first and says what was asked. Unfinished work lies in `partial/`. `scores.safetensors`,
 * `measurements.json` and `circuit.json` appear when their part is finished, whole, and are never made again.
 * When `partial/` and `.lock` are gone, the run is complete.
 */
import { existsSync, readFileSync } from 'node:fs';
import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AutoCircuitError } from '../errors/error.js';
import { writeFileAtomic } from '../files/atomic-file.js';
import { errnoOf, fileError } from '../files/file-error.js';
import { makeFolder } from '../files/folder.js';
import type { Graph } from '../graph/types.js';
import type { Checkpoint } from '../plugin/checkpoint.js';
import type { NodeScores, PruneResult } from '../plugin/prune-algo.js';
import { fileCheckpoint } from './checkpoint-file.js';
import { type FolderLock, LOCK_NAME, lockFolder } from './lock.js';
import { nodesFromJson, nodesToJson, readNeurons, writeNeurons } from './node-files.js';
import {
  curvesSchema,
  differences,
  fromJsonNumber,
  type Measurement,
  measurementsSchema,
  nodesSchema,
  parseBySchema,
  type RunJson,
  runSchema,
  type Timings,
  timingsSchema,
  toJsonNumber,
  toJsonText,
} from './schemas.js';
import { readScores, writeScores } from './score-files.js';
import {
  isVerificationFile,
  type Verification,
  verificationFile,
  verificationFiles,
  verificationSchema,
} from './verification-file.js';

export const RUN_FILES = Object.freeze({
  run: 'run.json',
  timings: 'timings.json',
  scores: 'scores.safetensors',
  standardErrors: 'standard-errors.safetensors',
  nodes: 'nodes.json',
  neurons: 'neurons.safetensors',
  curves: 'curves.json',
  constants: 'constants.safetensors',
  circuit: 'circuit.json',
  measurements: 'measurements.json',
  report: 'report.html',
  partial: 'partial',
});

/** What to do with a folder that is there already: nothing (an error), go on with the run in it, or replace that run. */
export type ExistingFolder = 'refuse' | 'resume' | 'overwrite';

/** The files of a run folder, for reading. */
export class RunReader {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  path(file: keyof typeof RUN_FILES): string {
    return join(this.folder, RUN_FILES[file]);
  }

  /** Finished scores with what belongs to them, or null. */
  scores(graph: Graph): PruneResult | null {
    if (!existsSync(this.path('scores'))) return null;
    const curves = this.#curves();
    const nodes = this.#nodes(graph);
    return {
      scores: readScores(this.path('scores'), graph),
      ...(existsSync(this.path('standardErrors'))
        ? { standardErrors: readScores(this.path('standardErrors'), graph) }
        : {}),
      ...(nodes ? { nodes } : {}),
      ...(curves ? { curves } : {}),
    };
  }

  #nodes(graph: Graph): NodeScores | null {
    const path = this.path('nodes');
    if (!existsSync(path)) return null;
    const scores = nodesFromJson(graph, parseBySchema(nodesSchema, readFileSync(path, 'utf8'), path), path);
    const neurons = this.path('neurons');
    return existsSync(neurons) ? { scores, neurons: readNeurons(neurons, graph) } : { scores };
  }

  #curves(): Readonly<Record<string, readonly number[]>> | null {
    const path = this.path('curves');
    if (!existsSync(path)) return null;
    const curves = Object.entries(parseBySchema(curvesSchema, readFileSync(path, 'utf8'), path));
    return Object.fromEntries(curves.map(([name, values]) => [name, values.map(fromJsonNumber)]));
  }

  /** What has been measured, or null. */
  async measurements(): Promise<readonly Measurement[] | null> {
    const text = await readIfThere(this.path('measurements'));
    return text === null ? null : parseBySchema(measurementsSchema, text, this.path('measurements'));
  }

  async timings(): Promise<Timings | null> {
    const text = await readIfThere(this.path('timings'));
    return text === null ? null : parseBySchema(timingsSchema, text, this.path('timings'));
  }

  /** What other backends said of the run, by backend. */
  async verifications(): Promise<readonly Verification[]> {
    const paths = (await verificationFiles(this.folder)).map((name) => join(this.folder, name));
    const texts = await Promise.all(paths.map(readIfThere));
    return texts.flatMap((text, i) => (text === null ? [] : [parseBySchema(verificationSchema, text, paths[i]!)]));
  }
}

/** A run folder that this process writes; made by `openRunStore`, to be closed with `close` or `finish`. */
export class RunStore extends RunReader {
  readonly #lock: FolderLock;
  /** Whether work of an earlier process was found. */
  readonly resumed: boolean;

  constructor(folder: string, lock: FolderLock, resumed: boolean) {
    super(folder);
    this.#lock = lock;
    this.resumed = resumed;
  }

  /** Scores last: where they are, what belongs to them is there too. */
  async writeScores(graph: Graph, { scores, standardErrors, nodes, curves }: PruneResult): Promise<void> {
    if (nodes?.neurons) await writeNeurons(this.path('neurons'), graph, nodes.neurons);
    if (nodes) await this.writeJson('nodes', nodesToJson(graph, nodes.scores));
    if (curves) await this.writeJson('curves', jsonCurves(curves));
    if (standardErrors) await writeScores(this.path('standardErrors'), graph, standardErrors);
    await writeScores(this.path('scores'), graph, scores);
  }

  /** The algorithm's own partial work. */
  checkpoint(): Checkpoint {
    return fileCheckpoint(join(this.path('partial'), 'algorithm.safetensors'));
  }

  /** The training of constants for optimal ablation, unfinished or finished. */
  constants(): Checkpoint {
    return fileCheckpoint(this.path('constants'));
  }

  /** A piece of partial work by name, or null. */
  async readPartial(name: string): Promise<string | null> {
    return readIfThere(join(this.path('partial'), name));
  }
  async writePartial(name: string, text: string): Promise<void> {
    await writeFileAtomic(join(this.path('partial'), name), text);
  }

  async writeJson(file: 'measurements' | 'circuit' | 'curves' | 'nodes' | 'timings', value: unknown): Promise<void> {
    await writeFileAtomic(this.path(file), toJsonText(value, this.path(file)));
  }
  async writeTimings(timings: Timings): Promise<void> {
    await this.writeJson('timings', timings);
  }
  /** Beside the run's own files, none of which it changes. */
  async writeVerification(verification: Verification): Promise<void> {
    const path = join(this.folder, verificationFile(verification.backend.name));
    await writeFileAtomic(path, toJsonText(verification, path));
  }
  async writeReport(html: string): Promise<void> {
    await writeFileAtomic(this.path('report'), html);
  }

  /** The run is complete: partial work goes, then the lock. */
  async finish(): Promise<void> {
    await rm(this.path('partial'), { recursive: true, force: true });
    await this.close();
  }

  /** Undoes the making of a run in which nothing was finished, so that a corrected request finds the folder free. */
  async abandon(): Promise<void> {
    if (this.resumed || existsSync(this.path('scores'))) return;
    await removeRunFiles(this.folder);
    await this.close();
    await rmdir(this.folder).catch((cause: unknown) => {
      if (errnoOf(cause) === undefined) throw cause; // not empty: it was there before us
    });
  }

  /** Gives the folder free; what is unfinished stays to be resumed. */
  async close(): Promise<void> {
    await this.#lock.release();
  }
}

/**
 * Makes or opens a run folder for writing. `run` is what is asked now; with `resume` it must be what the folder's run was asked.
 * @throws AutoCircuitError when the folder is in use, holds something else, a run (`refuse`) or a run of another request (`resume`)
 */
export async function openRunStore(folder: string, run: RunJson, existing: ExistingFolder): Promise<RunStore> {
  const path = resolve(folder);
  try {
    await makeFolder(path);
    // Before the lock, so that a folder of something else is left without any trace of us.
    if (existing === 'refuse') await refuseExisting(path);
    await refuseForeign(path);
    const lock = await lockFolder(path);
    try {
      return await prepare(path, run, existing, lock);
    } catch (cause) {
      await lock.release();
      throw cause;
    }
  } catch (cause) {
    throw fileError('run', 'use', path, cause);
  }
}

const jsonCurves = (curves: Readonly<Record<string, readonly number[]>>) =>
  Object.fromEntries(
    Object.entries(curves).map(([name, values]) => [name, values.map((value) => toJsonNumber(value, `"${name}"`))]),
  );

async function prepare(folder: string, run: RunJson, existing: ExistingFolder, lock: FolderLock): Promise<RunStore> {
  const runPath = join(folder, RUN_FILES.run);
  if (existing === 'refuse') await refuseExisting(folder); // once more: another process may have finished one meanwhile
  const kept = existing === 'resume' ? await readIfThere(runPath) : null;
  if (kept !== null) checkSameRequest(folder, parseBySchema(runSchema, kept, runPath), run);
  // Without its run.json nothing says what the other files belong to.
  else await removeRunFiles(folder);
  await removeTemporaries(folder);
  await makeFolder(join(folder, RUN_FILES.partial));
  await removeTemporaries(join(folder, RUN_FILES.partial));
  if (kept === null) await writeFileAtomic(runPath, toJsonText(run, runPath));
  return new RunStore(folder, lock, kept !== null);
}

/** Opens a run that is there, to add to it. @throws AutoCircuitError when there is none, or another process writes it */
export async function openExistingRun(folder: string): Promise<{ readonly store: RunStore; readonly run: RunJson }> {
  const run = await readRun(folder);
  const path = resolve(folder);
  return { store: new RunStore(path, await lockFolder(path), true), run };
}

/** The run that a folder holds, finished or not. @throws AutoCircuitError when it holds none */
export async function readRun(folder: string): Promise<RunJson> {
  const path = join(resolve(folder), RUN_FILES.run);
  const text = await readIfThere(path);
  if (text === null) {
    throw new AutoCircuitError({
      code: 'not-a-run',
      fields: { path: folder },
      where: 'run',
      what: `${folder} is not a run folder`,
      expected: `a ${RUN_FILES.run} in it`,
      got: 'none',
      fix: 'name a folder that discover wrote',
    });
  }
  return parseBySchema(runSchema, text, path);
}

function checkSameRequest(folder: string, before: RunJson, now: RunJson): void {
  const changes = differences(before.asked, now.asked);
  if (changes.length === 0) return;
  throw new AutoCircuitError({
    code: 'run-exists',
    fields: { path: folder, changes },
    where: 'run',
    what: `${folder} holds a run of another request: ${changes.slice(0, 4).join('; ')}${changes.length > 4 ? `; and ${changes.length - 4} more` : ''}`,
    fix: 'ask for the same again, choose another folder, or overwrite the run',
  });
}

async function refuseExisting(folder: string): Promise<void> {
  if (!existsSync(join(folder, RUN_FILES.run))) return;
  const finished = !existsSync(join(folder, RUN_FILES.partial));
  throw new AutoCircuitError({
    code: 'run-exists',
    fields: { path: folder, finished },
    where: 'run',
    what: `${folder} already holds ${finished ? 'a finished run' : 'a run that was not finished'}`,
    fix: 'resume it, overwrite it, or choose another folder',
  });
}

/** Files that are not of a run are never written beside or removed, unless a run stands there already. */
async function refuseForeign(folder: string): Promise<void> {
  if (existsSync(join(folder, RUN_FILES.run))) return;
  const known: readonly string[] = [...Object.values(RUN_FILES), LOCK_NAME];
  const foreign = (await readdir(folder)).find(
    (name) => !known.includes(name) && !isTemporary(name) && !isVerificationFile(name),
  );
  if (foreign === undefined) return;
  throw new AutoCircuitError({
    code: 'folder-not-empty',
    fields: { path: folder, file: foreign },
    where: 'run',
    what: `${folder} is not empty and is no run folder: it holds "${foreign}"`,
    fix: 'choose an empty or a new folder',
  });
}

/** run.json goes first, so that a folder which is half removed never looks like a run. */
async function removeRunFiles(folder: string): Promise<void> {
  const names = [...Object.values(RUN_FILES), ...(await verificationFiles(folder))];
  for (const name of names) await rm(join(folder, name), { recursive: true, force: true });
}

/** What a killed process left of a file it was writing. */
async function removeTemporaries(folder: string): Promise<void> {
  for (const name of await readdir(folder))
    if (isTemporary(name) && !isOfLock(name)) await rm(join(folder, name), { force: true });
}
const isTemporary = (name: string): boolean => name.startsWith('.') && name.endsWith('.tmp');
/** Another process may be about to take the lock, and needs its own. */
const isOfLock = (name: string): boolean => name.startsWith(`${LOCK_NAME}.`);

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return null;
    throw fileError('run', 'read', path, cause);
  }
}

/** @throws AutoCircuitError when a run has not got to its scores or measurements */
export function finishedPart<T>(part: T | null, folder: string): T {
  if (part !== null) return part;
  throw new AutoCircuitError({
    code: 'run-unfinished',
    fields: { path: folder },
    where: 'run',
    what: `the run in ${folder} is not finished`,
    fix: 'finish it first: discover with the same request, resuming it',
  });
}
