/** @file Writes a run folder: scores, measurements, partial work, and what follows from finishing or giving up. */
import { existsSync } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../files/atomic-file.js';
import { errnoOf } from '../files/file-error.js';
import type { Graph } from '../graph/types.js';
import type { Checkpoint } from '../plugin/checkpoint.js';
import type { PruneResult } from '../plugin/prune-algo.js';
import { fileCheckpoint } from './checkpoint-file.js';
import type { FolderLock } from './lock.js';
import { nodesToJson, writeNeurons } from './node-files.js';
import { readIfThere, removeRunFiles } from './run-files.js';
import { RunReader } from './run-reader.js';
import { type Timings, toJsonNumber, toJsonText } from './schemas.js';
import { INTERVAL_FACTOR, writeScores } from './score-files.js';
import { type Verification, verificationFile } from './verification-file.js';

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
  async writeScores(
    graph: Graph,
    { scores, standardErrors, intervalFactor, nodes, curves }: PruneResult,
  ): Promise<void> {
    if (nodes?.neurons) await writeNeurons(this.path('neurons'), graph, nodes.neurons);
    if (nodes) await this.writeJson('nodes', nodesToJson(graph, nodes.scores));
    if (curves) await this.writeJson('curves', jsonCurves(curves));
    if (standardErrors) {
      const metadata = intervalFactor === undefined ? {} : { [INTERVAL_FACTOR]: `${intervalFactor}` };
      await writeScores(this.path('standardErrors'), graph, standardErrors, metadata);
    }
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
  /** Keeps a piece of partial work, whole or not at all. */
  async writePartial(name: string, text: string): Promise<void> {
    await writeFileAtomic(join(this.path('partial'), name), text);
  }

  /** One of the JSON files. @throws AutoCircuitError for numbers that JSON cannot hold */
  async writeJson(file: 'measurements' | 'circuit' | 'curves' | 'nodes' | 'timings', value: unknown): Promise<void> {
    await writeFileAtomic(this.path(file), toJsonText(value, this.path(file)));
  }
  /** `timings.json`, which differs from run to run. */
  async writeTimings(timings: Timings): Promise<void> {
    await this.writeJson('timings', timings);
  }
  /** Beside the run's own files, none of which it changes. */
  async writeVerification(verification: Verification): Promise<void> {
    const path = join(this.folder, verificationFile(verification.backend.name));
    await writeFileAtomic(path, toJsonText(verification, path));
  }
  /** `report.html`. */
  async writeReport(html: string): Promise<void> {
    await writeFileAtomic(this.path('report'), html);
  }

  /** The run is complete: partial work goes, then the lock. */
  async finish(): Promise<void> {
    await rm(this.path('partial'), { recursive: true, force: true });
    await this.close();
  }

  /** Removes a new run in which nothing was finished, so that a corrected request finds the folder free. */
  async abandon(): Promise<void> {
    if (this.resumed || existsSync(this.path('scores'))) return;
    await removeRunFiles(this.folder);
    await this.close();
    await rmdir(this.folder).catch((cause: unknown) => {
      if (errnoOf(cause) === undefined) throw cause; // not empty: it was there before us
    });
  }

  /** Gives up the folder's lock; what is unfinished stays to be resumed. */
  async close(): Promise<void> {
    await this.#lock.release();
  }
}

const jsonCurves = (curves: Readonly<Record<string, readonly number[]>>) =>
  Object.fromEntries(
    Object.entries(curves).map(([name, values]) => [name, values.map((value) => toJsonNumber(value, `"${name}"`))]),
  );
