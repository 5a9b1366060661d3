/**
 * @file From a model folder to a `WeightStore`. Small models are converted into memory; larger ones once into a file that
 * every session maps, in the cache folder under a key of its content:
 *
 *     $AUTO_CIRCUIT_CACHE, else $XDG_CACHE_HOME/auto-circuit, else ~/.cache/auto-circuit
 *       weights/KEY.safetensors      KEY: sha256 of format, recipe, config, processing and the weight files' sha256
 *       unused/KEY.json              the checkpoint's tensors that went into none of them
 *       in-use/KEY/…                 who uses it
 *       hashes/…json                 a file's sha256, valid while its size, time and inode stay the same
 *
 * The file always holds every tensor, also those that processing left as they were: a runtime maps weights from one folder
 * only, and model folders of the hub cache are full of links that leave it. Tables that are computed (rotary positions) stay in
 * memory, as long as they are needed.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { lstat, mkdir, readFile, realpath, stat, utimes } from 'node:fs/promises';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AutoCircuitError, elementCount, memoryWeights, type WeightStore } from '@auto-circuit/core/backend';
import {
  errnoOf,
  fileError,
  openSafetensors,
  type SafetensorsFile,
  writeFileAtomic,
  writeSafetensors,
} from '@auto-circuit/core/run';
import { z } from 'zod';
import { type CanonicalWeights, canonicalWeights, type WeightRecipe } from './canonical.js';
import { DEFAULT_POSITIONS, splitComputed, withTables } from './computed-tables.js';
import { missingTensor } from './errors.js';
import { openCheckpoint, weightFiles } from './hf-folder.js';
import { markInUse } from './in-use.js';
import type { ProcessingRequest } from './processing.js';
import type { CanonicalTensors } from './tensors.js';
import { type RecordedCheckpoint, recordReads, unusedNote } from './unused.js';

/** Part of every key: raise it when canonical names, layouts or formulas change. */
const FORMAT_VERSION = 1;
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
 * @throws AutoCircuitError for whatever is wrong with the folder, and when neither cache nor temporary folder can be written
 */
export async function loadWeights<C>(
  folder: string,
  recipe: WeightRecipe<C>,
  process: ProcessingRequest,
  settings: CacheSettings,
): Promise<LoadedWeights<C>> {
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
  const { store, unused } =
    bytes < (settings.memoryLimitBytes ?? MEMORY_LIMIT_BYTES)
      ? { store: memoryStore(stored, key), unused: recorded.unread() }
      : await cachedStore(folders, fileKey, stored, recorded, settings);
  const unusedLine = unusedNote(raw.source, unused);
  const lines = Object.freeze(unusedLine === null ? notes : [...notes, unusedLine]);
  for (const line of lines) settings.onWarning(line);
  return Object.freeze({ ...canonical, notes: lines, store: withTables(store, computed, key) });
}

const keyOf = (parts: readonly unknown[]): string => createHash('sha256').update(JSON.stringify(parts)).digest('hex');

/** A store whose entries point into a safetensors file of float32 tensors. */
export function fileWeights(file: SafetensorsFile, key: string): WeightStore {
  const find = (name: string) => {
    const entry = file.tensors.get(name);
    if (!entry) throw missingTensor('checkpoint', 'weight', name, [...file.tensors.keys()]);
    return entry;
  };
  return Object.freeze({
    key,
    names: Object.freeze([...file.tensors.keys()]),
    entry: (name: string) => {
      const { shape, byteOffset } = find(name);
      return { shape, file: file.path, byteOffset };
    },
    read: (name: string) => {
      find(name);
      const data = file.read(name);
      if (data instanceof Float32Array) return data;
      throw new AutoCircuitError({
        code: 'wrong-tensor',
        fields: { tensor: name },
        where: 'checkpoint',
        what: `weight "${name}" of ${file.path} is not float32`,
        kind: 'internal',
      });
    },
  });
}

function memoryStore(tensors: CanonicalTensors, key: string): WeightStore {
  const loaded = [...tensors].map(([name, { shape, load }]) => [name, { shape, data: load() }] as const);
  return memoryWeights(Object.fromEntries(loaded), key);
}

async function cachedStore(
  folders: readonly string[],
  key: string,
  tensors: CanonicalTensors,
  recorded: RecordedCheckpoint,
  settings: CacheSettings,
): Promise<{ readonly store: WeightStore; readonly unused: readonly string[] }> {
  const notePath = (folder: string): string => join(folder, 'unused', `${key}.json`);
  for (const folder of folders) {
    const path = join(folder, 'weights', `${key}.safetensors`);
    if (existsSync(path)) await markInUse(folder, key); // before it is opened: see clear-cache.ts
    const unused = await readNote(notePath(folder), namesNote); // without it nobody knows what to say: converted again
    const file = unused && (await openCached(path, tensors, settings.onWarning));
    if (file) return { store: fileWeights(file, key), unused };
  }
  let refusal: unknown;
  for (const folder of folders) {
    try {
      await mkdir(join(folder, 'weights'), { recursive: true, mode: 0o700 });
      if (folder === temporaryCacheDir()) await checkOwner(folder);
      await markInUse(folder, key);
      const path = join(folder, 'weights', `${key}.safetensors`);
      await writeCanonical(path, tensors, recorded.raw.source, settings.onProgress);
      const unused = recorded.unread();
      await writeNote(notePath(folder), unused);
      return { store: fileWeights(openSafetensors(path), key), unused };
    } catch (cause) {
      const error = fileError('cache', 'write', folder, cause);
      const fromSystem = errnoOf(error instanceof AutoCircuitError ? error.cause : error) !== undefined;
      if (!fromSystem) throw error;
      refusal = error;
      if (folder !== folders.at(-1)) {
        settings.onWarning(`${(error as Error).message}; using ${folders.at(-1)} for this model's weights`);
      }
    }
  }
  throw refusal;
}

/** The cached file if it is there, whole and ours; anything else is made anew, with a warning if it was broken. */
async function openCached(
  path: string,
  tensors: CanonicalTensors,
  onWarning: (line: string) => void,
): Promise<SafetensorsFile | undefined> {
  const present = await lstat(path).catch(() => undefined);
  if (!present) return undefined;
  if (present.uid !== undefined && path.startsWith(temporaryCacheDir()) && !ownedByUs(present.uid)) return undefined;
  try {
    const file = openSafetensors(path);
    const fits = [...tensors.values()].every(({ name, shape }) => {
      const entry = file.tensors.get(name);
      return entry?.dtype === 'F32' && entry.shape.join() === shape.join();
    });
    if (fits && file.tensors.size === tensors.size) {
      const now = new Date(); // what `listCache` gives as its last use
      await utimes(path, now, now).catch(() => undefined);
      return file;
    }
    onWarning(`[cache] ${path} does not hold this model's weights; rewriting it`);
  } catch (error) {
    if (!(error instanceof AutoCircuitError)) throw error;
    onWarning(`${error.message} (the cache rewrites it)`);
  }
  return undefined;
}

async function writeCanonical(
  path: string,
  tensors: CanonicalTensors,
  source: string,
  onProgress?: (done: number, total: number) => void,
): Promise<void> {
  let done = 0;
  const sources = [...tensors.values()].map(({ name, shape, load }) => ({
    name,
    shape,
    dtype: 'F32' as const,
    *data() {
      yield load();
      onProgress?.(++done, tensors.size);
    },
  }));
  const metadata = { format: 'auto-circuit-canonical', version: String(FORMAT_VERSION), source };
  await writeSafetensors(path, sources, metadata);
}

/** Where weights go when the cache folder cannot be written: a folder of this user's. */
export function temporaryCacheDir(): string {
  return join(tmpdir(), `auto-circuit-cache-${userInfo().uid}`);
}

const ownedByUs = (uid: number): boolean => process.getuid === undefined || uid === process.getuid();

/** The temporary folder's name can be guessed, so somebody else may have made it first. */
async function checkOwner(folder: string): Promise<void> {
  const { uid } = await lstat(folder);
  if (ownedByUs(uid)) return;
  throw new AutoCircuitError({
    code: 'file-unwritable',
    fields: { path: folder },
    where: 'cache',
    what: `${folder} belongs to another user`,
    fix: 'set AUTO_CIRCUIT_CACHE to your own folder',
  });
}

const namesNote = z.array(z.string());
const sidecar = z.object({ path: z.string(), stamp: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/) });

/** sha256 of a file's content; remembered beside the cache while the file stays the same. */
async function fileHash(path: string, cacheDir: string): Promise<string> {
  try {
    const real = await realpath(path);
    const { size, mtimeNs, ino } = await stat(real, { bigint: true });
    const stamp = `${size}-${mtimeNs}-${ino}`;
    const note = join(cacheDir, 'hashes', `${createHash('sha256').update(real).digest('hex')}.json`);
    const known = await readNote(note, sidecar);
    if (known?.path === real && known.stamp === stamp) return known.sha256;
    const hash = createHash('sha256');
    await pipeline(createReadStream(real, { highWaterMark: 2 ** 22 }), hash);
    const sha256 = hash.digest('hex');
    await writeNote(note, { path: real, stamp, sha256 });
    return sha256;
  } catch (cause) {
    throw fileError('checkpoint', 'read', path, cause);
  }
}

/** A note that is missing or damaged costs the work that it spares, nothing else. */
async function readNote<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S> | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Without a writable cache its work is done again next time; the weights themselves will warn. */
async function writeNote(path: string, note: unknown): Promise<void> {
  try {
    await mkdir(join(path, '..'), { recursive: true });
    await writeFileAtomic(path, JSON.stringify(note));
  } catch (error) {
    if (!(error instanceof AutoCircuitError) && errnoOf(error) === undefined) throw error;
  }
}
