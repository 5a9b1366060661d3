/** @file Reads what a run folder holds, finished or not. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AutoCircuitError } from '../errors/error.js';
import type { Graph, NodeScores } from '../graph/types.js';
import type { ResultFigure } from '../plugin/figures.js';
import type { PruneResult } from '../plugin/prune-algo.js';
import { checkRunFiles, type ReadOptions } from './checksums.js';
import { nodesFromJson, readNeurons } from './node-files.js';
import { RUN_FILES, readIfThere } from './run-files.js';
import {
  curvesSchema,
  figuresSchema,
  fromJsonNumber,
  type Measurement,
  measurementsSchema,
  nodesSchema,
  parseBySchema,
  type RunJson,
  runSchema,
  type Timings,
  timingsSchema,
} from './schemas.js';
import { readIntervalFactor, readScores } from './score-files.js';
import { type Stability, stabilitySchema } from './stability-file.js';
import { type Verification, verificationFiles, verificationSchema } from './verification-file.js';

/** The files of a run folder, for reading. */
export class RunReader {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Where a file of the run is, whether it exists or not. */
  path(file: keyof typeof RUN_FILES): string {
    return join(this.folder, RUN_FILES[file]);
  }

  /** Finished scores with what belongs to them, or null. */
  scores(graph: Graph): PruneResult | null {
    if (!existsSync(this.path('scores'))) return null;
    const curves = this.#curves();
    const figures = this.#figures();
    const nodes = this.#nodes(graph);
    return {
      scores: readScores(this.path('scores'), graph),
      ...this.#standardErrors(graph),
      ...(nodes ? { nodes } : {}),
      ...(curves ? { curves } : {}),
      ...(figures ? { figures } : {}),
    };
  }

  #standardErrors(graph: Graph): Pick<PruneResult, 'standardErrors' | 'intervalFactor'> {
    const path = this.path('standardErrors');
    if (!existsSync(path)) return {};
    const intervalFactor = readIntervalFactor(path);
    return { standardErrors: readScores(path, graph), ...(intervalFactor === undefined ? {} : { intervalFactor }) };
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

  #figures(): readonly ResultFigure[] | null {
    const path = this.path('figures');
    return existsSync(path) ? parseBySchema(figuresSchema, readFileSync(path, 'utf8'), path) : null;
  }

  /** What has been measured, or null. */
  async measurements(): Promise<readonly Measurement[] | null> {
    const text = await readIfThere(this.path('measurements'));
    return text === null ? null : parseBySchema(measurementsSchema, text, this.path('measurements'));
  }

  /** What the run took, or null. */
  async timings(): Promise<Timings | null> {
    const text = await readIfThere(this.path('timings'));
    return text === null ? null : parseBySchema(timingsSchema, text, this.path('timings'));
  }

  /** How the circuit holds up, or null where nobody looked. */
  async stability(): Promise<Stability | null> {
    const text = await readIfThere(this.path('stability'));
    return text === null ? null : parseBySchema(stabilitySchema, text, this.path('stability'));
  }

  /** What other backends said of the run, by backend. */
  async verifications(): Promise<readonly Verification[]> {
    const paths = (await verificationFiles(this.folder)).map((name) => join(this.folder, name));
    const texts = await Promise.all(paths.map(readIfThere));
    return texts.flatMap((text, i) => (text === null ? [] : [parseBySchema(verificationSchema, text, paths[i]!)]));
  }
}

/**
 * The run that a folder holds, finished or not.
 * @throws AutoCircuitError when it holds none; `run-damaged` where a file of it is not what it was when it was written
 */
export async function readRun(folder: string, options: ReadOptions = {}): Promise<RunJson> {
  const run = await readRunJson(folder);
  await checkRunFiles(resolve(folder), options);
  return run;
}

/** `run.json` of a folder; no other file is looked at. @throws AutoCircuitError when there is none */
export async function readRunJson(folder: string): Promise<RunJson> {
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

/** A part of a run that must be there. @throws AutoCircuitError `run-unfinished` where the run has not got to it */
export function finishedPart<T>(part: T | null, folder: string): T {
  if (part !== null) return part;
  throw new AutoCircuitError({
    code: 'run-unfinished',
    fields: { path: folder },
    where: 'run',
    what: `the run in ${folder} is not finished`,
    fix: 'finish it first: resume it with the same request',
  });
}
