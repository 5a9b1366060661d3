/**
 * @file What the caches on disk hold: weights that were converted once (`weight-cache.ts` says where), what conversions and
 * downloads left unfinished, and models of the Hugging Face hub, which the Python tools use too.
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { errnoOf } from '@auto-circuit/core/run';
import { getHFHubCachePath } from '@huggingface/hub';
import { temporaryCacheDir } from '../checkpoint/cached-weights.js';
import { checkPath, readCheck } from '../checkpoint/file-hash.js';
import { isAlive, isInUse } from '../checkpoint/in-use.js';
import { defaultCacheDir } from '../checkpoint/weight-cache.js';

/** Where the caches are. */
export interface CachePlaces {
  /** Folders of converted weights. Default: AUTO_CIRCUIT_CACHE, else `~/.cache/auto-circuit`; and the temporary one. */
  readonly cacheDirs?: readonly string[];
  /** Default: HF_HUB_CACHE, else HF_HOME/hub, else `~/.cache/huggingface/hub`. */
  readonly hubDir?: string;
}

/** One thing that a cache holds and that can be cleared by itself. */
export interface CacheEntry {
  /** Converted weights; what an interrupted conversion left; a model of the hub. */
  readonly kind: 'weights' | 'unfinished' | 'hub';
  /** The model: a hub name, or the folder that it was read from; the file's name where that is not known. */
  readonly name: string;
  /** The file, or the folder of a hub model. */
  readonly path: string;
  readonly bytes: number;
  /** When a run last opened it (of hub models: read or wrote a file of it), as an ISO time. */
  readonly lastUsed: string;
  /** Whether a living process uses it. */
  readonly inUse: boolean;
  /** The folder that holds the marks of its use, and the name there. */
  readonly mark: { readonly cacheDir: string; readonly name: string };
}

/** The entries of all caches, the largest first. A cache that is not there has none. */
export async function listCache(places: CachePlaces = {}): Promise<readonly CacheEntry[]> {
  const { cacheDirs = [defaultCacheDir(), temporaryCacheDir()], hubDir = getHFHubCachePath() } = places;
  const entries: CacheEntry[] = [];
  for (const folder of cacheDirs) for (const entry of await weightEntries(folder)) entries.push(entry);
  const ofHub = await hubEntries(hubDir, cacheDirs[0] ?? defaultCacheDir());
  return [...entries, ...ofHub].sort((a, b) => b.bytes - a.bytes);
}

const WEIGHTS = /^([0-9a-f]{64})\.safetensors$/;
const UNFINISHED = /^\.[0-9a-f]{64}\.safetensors\.(\d+)\.[0-9a-f]+\.tmp$/;

async function weightEntries(cacheDir: string): Promise<CacheEntry[]> {
  const entries: CacheEntry[] = [];
  const folder = join(cacheDir, 'weights');
  for (const file of await names(folder)) {
    const path = join(folder, file);
    const at = await stat(path).catch(gone);
    const key = WEIGHTS.exec(file)?.[1];
    const writer = UNFINISHED.exec(file)?.[1];
    if (!at || (key === undefined && writer === undefined)) continue;
    const noted = key === undefined ? undefined : await stat(checkPath(cacheDir, key)).catch(gone);
    const mark = { cacheDir, name: key ?? file };
    entries.push({
      kind: key === undefined ? 'unfinished' : 'weights',
      name: key === undefined ? file : await modelOf(cacheDir, key),
      path,
      bytes: at.size,
      lastUsed: (noted ?? at).mtime.toISOString(),
      inUse: key === undefined ? isAlive(Number(writer)) : await isInUse(cacheDir, key),
      mark,
    });
  }
  return entries;
}

/** The model that a weight file was made from; files of earlier versions do not say. */
async function modelOf(cacheDir: string, key: string): Promise<string> {
  const source = (await readCheck(cacheDir, key))?.source;
  return source === undefined ? key.slice(0, 12) : (hubName(source) ?? source);
}

const REPOSITORY = /^models--(.+)$/;

/** `org/name` of a snapshot folder of the hub's cache. */
function hubName(folder: string): string | undefined {
  const repository = folder.split(sep).find((part) => REPOSITORY.test(part));
  return repository === undefined ? undefined : nameOf(repository);
}

const nameOf = (repository: string): string => REPOSITORY.exec(repository)![1]!.replaceAll('--', '/');

async function hubEntries(hubDir: string, cacheDir: string): Promise<CacheEntry[]> {
  const entries: CacheEntry[] = [];
  for (const repository of (await names(hubDir)).filter((name) => REPOSITORY.test(name))) {
    const path = join(hubDir, repository);
    let bytes = 0;
    let last = 0;
    let downloading = false;
    for (const blob of await names(join(path, 'blobs'))) {
      const at = await stat(join(path, 'blobs', blob)).catch(gone);
      if (!at) continue;
      bytes += at.size;
      last = Math.max(last, at.mtimeMs, at.atimeMs);
      const writer = /\.(\d+)-[0-9a-f]+\.incomplete$/.exec(blob)?.[1];
      downloading ||= writer !== undefined && isAlive(Number(writer));
    }
    if (last === 0) last = (await stat(path).catch(gone))?.mtimeMs ?? 0; // nothing downloaded
    const mark = { cacheDir, name: repository };
    const inUse = downloading || (await isInUse(cacheDir, repository));
    entries.push({
      kind: 'hub',
      name: nameOf(repository),
      path,
      bytes,
      lastUsed: new Date(last).toISOString(),
      inUse,
      mark,
    });
  }
  return entries;
}

async function names(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(gone)) ?? [];
}

/** What is not there (any more) is not listed. */
function gone(error: unknown): undefined {
  if (!['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw error;
}

/** Whether an entry is meant by a name: the model's, the last part of its folder, or the beginning of the file's name. */
export function isNamed({ name, path }: CacheEntry, wanted: string): boolean {
  return name === wanted || basename(name) === wanted || (wanted.length >= 8 && basename(path).startsWith(wanted));
}
