/**
 * @file From a model folder to a `WeightStore`. Small models are converted into memory; larger ones once into a file that
 * every session maps, in the cache folder under a key of its content:
 *
 *     $AUTO_CIRCUIT_CACHE, else $XDG_CACHE_HOME/auto-circuit, else ~/.cache/auto-circuit
 *       weights/KEY.safetensors      KEY: sha256 of format, recipe, config, processing and the weight files' sha256
 *       checks/KEY.json              its own sha256, and what the file was like when that was last found right
 *       unused/KEY.json              the checkpoint's tensors that went into none of them
 *       in-use/KEY/…                 who uses it
 *       hashes/…json                 a file's sha256, valid while its size, times and inode stay the same
 *
 * The file always holds every tensor, also those that processing left as they were: a runtime maps weights from one folder
 * only, and model folders of the hub cache are full of links that leave it. Tables that are computed (rotary positions) stay in
 * memory, as long as they are needed.
 */
import { createHash } from 'node:crypto';
import { homedir, totalmem } from 'node:os';
import { join } from 'node:path';
import { elementCount, memoryWeights, type WeightStore } from '@auto-circuit/core/backend';
import { unchangedSince } from '@auto-circuit/core/run';
import { cachedStore, FORMAT_VERSION, temporaryCacheDir } from './cached-weights.js';
import { type CanonicalWeights, canonicalWeights, type WeightRecipe } from './canonical.js';
import { DEFAULT_POSITIONS, splitComputed, withTables } from './computed-tables.js';
import { fileHash } from './file-hash.js';
import { commonHalf } from './halves.js';
import { checkpointFiles, openCheckpoint, weightFiles } from './hf-folder.js';
import type { ProcessingRequest } from './processing.js';
import type { CanonicalTensors } from './tensors.js';
import { recordReads, unusedNote } from './unused.js';

/** Smaller models stay in memory: a file would cost more than it saves. */
const MEMORY_LIMIT_BYTES = 64 * 2 ** 20;

/** Where weights are cached, and who hears of it. */
export interface CacheSettings {
  /** Default: see the file's header. */
  readonly cacheDir?: string;
  /** Canonical weights of fewer bytes stay in memory. */
  readonly memoryLimitBytes?: number;
  /** Rows of computed tables (rotary positions), at most: tokens of the longest prompt. Default 8,192. */
  readonly positions?: number;
  /**
   * Whether matrices of 16 bits that nothing changes stay so in the cache file, to be widened where they are used. Default: where
   * the model would take more than half of this machine's memory as float32.
   */
  readonly keepHalves?: boolean;
  /** Called with a line when the cache cannot be used or had to be made anew, and for what is odd about the checkpoint. */
  readonly onWarning: (line: string) => void;
  /** Called while a large model is converted: tensors done, of all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Canonical weights that a backend can read. */
export interface LoadedWeights<C = unknown> extends CanonicalWeights<C> {
  /** The same numbers as `tensors`, ready for backends. */
  readonly store: WeightStore;
}

/** The cache folder that the environment names. */
export function defaultCacheDir(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return env.AUTO_CIRCUIT_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'auto-circuit');
}

/**
 * The canonical weights of a model folder, from the cache where they are there already.
 * @throws AutoCircuitError for whatever is wrong with the folder, `file-changed` when one of its files becomes another meanwhile,
 *   and when neither cache nor temporary folder can be written
 */
export async function loadWeights<C>(
  folder: string,
  recipe: WeightRecipe<C>,
  process: ProcessingRequest,
  settings: CacheSettings,
): Promise<LoadedWeights<C>> {
  // what is hashed, what the headers say and what is read must be of the same files
  const checkUnchanged = unchangedSince('checkpoint', checkpointFiles(folder), 'the model was being read');
  const recorded = recordReads(openCheckpoint(folder));
  const { raw } = recorded;
  const { positions = DEFAULT_POSITIONS } = settings;
  const canonical = canonicalWeights(raw, recipe, process, { positions });
  const { tensors, processing, notes } = canonical;
  const folders = [settings.cacheDir ?? defaultCacheDir(), temporaryCacheDir()];
  const hashes: string[] = [];
  for (const file of weightFiles(folder)) hashes.push(await fileHash(file, folders[0]!));
  const keyed = [FORMAT_VERSION, recipe.name, raw.config, processing, hashes];
  const fileKey = keyOf([...keyed, ...notes.map((note) => note.replaceAll(raw.source, ''))]);
  const { stored, computed } = splitComputed(tensors);
  const key = computed.size > 0 && positions !== DEFAULT_POSITIONS ? keyOf([fileKey, positions]) : fileKey;
  const bytes = [...tensors.values()].reduce((total, { shape }) => total + 4 * elementCount(shape), 0);
  const keepHalves = settings.keepHalves ?? bytes > totalmem() / 2;
  const halves = keepHalves && processing.length === 0 ? commonHalf(raw) : null;
  const { store, unused } =
    bytes < (settings.memoryLimitBytes ?? MEMORY_LIMIT_BYTES)
      ? { store: memoryStore(stored, key), unused: recorded.unread() }
      : await cachedStore(folders, halves ? keyOf([fileKey, halves]) : fileKey, stored, {
          ...settings,
          ...{ recorded, checkUnchanged, halves },
        });
  checkUnchanged();
  const unusedLine = unusedNote(raw.source, unused);
  const lines = Object.freeze(unusedLine === null ? notes : [...notes, unusedLine]);
  for (const line of lines) settings.onWarning(line);
  return Object.freeze({ ...canonical, notes: lines, store: withTables(store, computed, key) });
}

const keyOf = (parts: readonly unknown[]): string => createHash('sha256').update(JSON.stringify(parts)).digest('hex');

function memoryStore(tensors: CanonicalTensors, key: string): WeightStore {
  const loaded = [...tensors].map(([name, { shape, load }]) => [name, { shape, data: load() }] as const);
  return memoryWeights(Object.fromEntries(loaded), key);
}
