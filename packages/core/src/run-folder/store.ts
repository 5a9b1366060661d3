/** @file Writes a run folder: scores, measurements, partial work, and what follows from finishing or giving up. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../files/atomic-file.js';
import { errnoOf, fileError } from '../files/file-error.js';
import { makeFolder } from '../files/folder.js';
import type { CircuitJson } from '../graph/circuit-json.js';
import type { Graph } from '../graph/types.js';
import type { Checkpoint } from '../plugin/checkpoint.js';
import type { PruneResult } from '../plugin/prune-algo.js';
import { fileCheckpoint } from './checkpoint-file.js';
import type { Checksums, ListedFile } from './checksums.js';
import { type Clusters, type UnwrittenClusters, writeClusters } from './clusters-file.js';
import type { FolderLock } from './lock.js';
import { nodesToJson, writeNeurons } from './node-files.js';
import { RUN_FILES, readIfThere, removeRunFiles } from './run-files.js';
import { RunReader } from './run-reader.js';
import { type Timings, toJsonNumber, toJsonText } from './schemas.js';
import { INTERVAL_FACTOR, writeScores } from './score-files.js';
import { sealed, sealedText, textUnderSeal } from './seal.js';
import type { Stability } from './stability-file.js';
import { type Verification, verificationFile } from './verification-file.js';

/** What a `RunStore` is made of. */
export interface StoreParts {
  readonly lock: FolderLock;
  /** Null for a run of an early version, which gets none later either. */
  readonly checksums: Checksums | null;
  /** Tells runs apart, so that partial work of another run is noticed. */
  readonly key: string;
  readonly resumed: boolean;
  readonly onWarning?: ((line: string) => void) | undefined;
}

/** Work that is quickly redone. */
const LITTLE_WORK: readonly string[] = ['references.json'];

/** A run folder that this process writes; made by `openRunStore`, to be closed with `close` or `finish`. */
export class RunStore extends RunReader {
  readonly #parts: StoreParts;

  constructor(folder: string, parts: StoreParts) {
    super(folder);
    this.#parts = parts;
  }

  /** Whether work of an earlier process was found. */
  get resumed(): boolean {
    return this.#parts.resumed;
  }

  /** Lists these files as finished, as they are now. */
  async commit(...files: ListedFile[]): Promise<void> {
    await this.#parts.checksums?.commit(files);
  }

  /** Scores last: where they are, what belongs to them is there too. */
  async writeScores(
    graph: Graph,
    { scores, standardErrors, intervalFactor, nodes, curves, figures }: PruneResult,
  ): Promise<void> {
    if (nodes?.neurons) await writeNeurons(this.path('neurons'), graph, nodes.neurons);
    if (nodes) await this.writeJson('nodes', nodesToJson(graph, nodes.scores));
    if (curves) await this.writeJson('curves', jsonCurves(curves));
    if (figures) await this.writeJson('figures', figures);
    if (standardErrors) {
      const metadata = intervalFactor === undefined ? {} : { [INTERVAL_FACTOR]: `${intervalFactor}` };
      await writeScores(this.path('standardErrors'), graph, standardErrors, metadata);
    }
    await writeScores(this.path('scores'), graph, scores);
    await this.commit('promptScores', 'neurons', 'nodes', 'curves', 'figures', 'standardErrors', 'scores');
  }

  /** The algorithm's own partial work. */
  checkpoint(): Checkpoint {
    return this.#checkpointAt(join(this.path('partial'), 'algorithm.safetensors'), 'algorithm');
  }

  /** The training of constants for optimal ablation, unfinished or finished. */
  constants(): Checkpoint {
    return this.#checkpointAt(this.path('constants'), 'constants');
  }

  #checkpointAt(path: string, name: string): Checkpoint {
    const { checksums, key, onWarning } = this.#parts;
    const previous = join(this.path('partial'), `${name}.previous.safetensors`);
    return fileCheckpoint(path, { key, previous, unsealed: checksums === null, onWarning });
  }

  /** A piece of partial work by name; null where there is none, or where it is damaged, so that it is recomputed. */
  async readPartial(name: string): Promise<string | null> {
    const path = join(this.path('partial'), name);
    const file = await readIfThere(path);
    if (file === null) return null;
    const text = textUnderSeal(file, this.#nameOfPartial(name));
    if (text === null) this.#parts.onWarning?.(`the partial work in ${path} is damaged and will be recomputed`);
    return text;
  }
  /** Keeps a piece of partial work, whole or not at all. */
  async writePartial(name: string, text: string): Promise<void> {
    await writeFileAtomic(join(this.path('partial'), name), sealedText(text, this.#nameOfPartial(name)));
  }
  #nameOfPartial(name: string): string {
    return `${this.#parts.key}/${name}`;
  }

  /** One of the JSON files; to be listed by `commit`. @throws AutoCircuitError for numbers that JSON cannot hold */
  async writeJson(file: 'measurements' | 'circuit' | 'curves' | 'figures' | 'nodes', value: unknown): Promise<void> {
    const text = toJsonText(value, this.path(file));
    await this.#parts.checksums?.announce(file, text);
    await writeFileAtomic(this.path(file), text);
  }
  /** `timings.json`, which differs from run to run. */
  async writeTimings(timings: Timings): Promise<void> {
    const path = this.path('timings');
    await writeFileAtomic(path, toJsonText(sealed(timings, RUN_FILES.timings), path));
  }
  /** Beside the run's own files, none of which it changes. */
  async writeVerification(verification: Verification): Promise<void> {
    const name = verificationFile(verification.backend.name);
    const path = join(this.folder, name);
    await writeFileAtomic(path, toJsonText(sealed(verification, name), path));
  }
  /** Groups of prompts and their circuits, beside the run's own files, none of which it changes. */
  async writeClusters(clusters: UnwrittenClusters, circuits: readonly CircuitJson[]): Promise<Clusters> {
    return writeClusters(this.folder, clusters, circuits);
  }
  /** Beside the run's own files, none of which it changes; what was kept of the work goes. */
  async writeStability(stability: Stability): Promise<void> {
    const path = this.path('stability');
    await writeFileAtomic(path, toJsonText(sealed(stability, RUN_FILES.stability), path));
    await this.#removed('stabilityPartial');
  }

  /**
   * Pieces of the work on `stability.json`, by name. A name says all that the piece depends on, beside the run itself.
   * @param maker what makes the numbers: pieces of another version or runtime are not taken up
   */
  stabilityPieces(maker: string): {
    read(name: string): Promise<string | null>;
    write(name: string, text: string): Promise<void>;
  } {
    const path = (name: string) => join(this.path('stabilityPartial'), createHash('sha256').update(name).digest('hex'));
    const seal = (name: string) => `${this.#parts.key}/${maker}/${name}`;
    return {
      read: async (name) => {
        const file = await readIfThere(path(name));
        return file === null ? null : textUnderSeal(file, seal(name));
      },
      write: async (name, text) => {
        await makeFolder(this.path('stabilityPartial'));
        await writeFileAtomic(path(name), sealedText(text, seal(name)));
      },
    };
  }

  /** `report.html`. */
  async writeReport(html: string): Promise<void> {
    await writeFileAtomic(this.path('report'), html);
  }

  /** Makes place for partial work, in a run that was finished but lacks a file. */
  async begin(): Promise<void> {
    try {
      await makeFolder(this.path('partial'));
    } catch (cause) {
      throw fileError('run', 'write', this.path('partial'), cause);
    }
  }

  /** The run is complete: partial work goes, then the lock. */
  async finish(): Promise<void> {
    const unlisted = existsSync(this.path('partial')) ? (this.#parts.checksums?.unlisted() ?? []) : [];
    if (unlisted.length > 0) await this.commit(...unlisted);
    await this.#removed('partial');
    await this.close();
  }

  async #removed(work: 'partial' | 'stabilityPartial'): Promise<void> {
    try {
      await rm(this.path(work), { recursive: true, force: true });
    } catch (cause) {
      throw fileError('run', 'remove', this.path(work), cause);
    }
  }

  /**
   * Removes a new run that holds no work, so that a corrected request finds the folder free. Whatever an algorithm or a training
   * has saved stays.
   */
  async abandon(): Promise<void> {
    if (this.resumed || existsSync(this.path('scores')) || existsSync(this.path('constants'))) return;
    const partial = (await readdir(this.path('partial')).catch(ignoreSystemError)) ?? [];
    if (partial.some((name) => !LITTLE_WORK.includes(name))) return;
    // The error that this follows is the one to report: what cannot be removed stays.
    await removeRunFiles(this.folder).catch(ignoreSystemError);
    await this.close();
    await rmdir(this.folder).catch(ignoreSystemError); // not empty: it was there before us
  }

  /** Gives up the folder's lock; what is unfinished stays to be resumed. */
  async close(): Promise<void> {
    await this.#parts.lock.release();
  }
}

function ignoreSystemError(cause: unknown): void {
  if (errnoOf(cause) === undefined) throw cause;
}

const jsonCurves = (curves: Readonly<Record<string, readonly number[]>>) =>
  Object.fromEntries(
    Object.entries(curves).map(([name, values]) => [name, values.map((value) => toJsonNumber(value, `"${name}"`))]),
  );
