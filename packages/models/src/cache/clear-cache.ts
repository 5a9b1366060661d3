/** @file Clears entries of the caches, never one that a living process uses. */
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import { errnoOf, fileError, parseJson } from '@auto-circuit/core/run';
import { isInUse } from '../checkpoint/in-use.js';
import type { CacheEntry } from './list-cache.js';

/**
 * Removes what `listCache` found, except what is in use by now, and the notes that belong to it.
 * @returns the entries that are gone
 * @throws AutoCircuitError `file-unwritable` where the system refuses; what was cleared before stays cleared
 */
export async function clearCache(entries: readonly CacheEntry[]): Promise<readonly CacheEntry[]> {
  const cleared: CacheEntry[] = [];
  for (const entry of entries) {
    if (entry.inUse || !(await removed(entry))) continue;
    cleared.push(entry);
    const { cacheDir, name } = entry.mark;
    await rm(join(cacheDir, 'in-use', name), { recursive: true, force: true });
    if (entry.kind !== 'weights') continue;
    for (const notes of ['unused', 'checks']) await rm(join(cacheDir, notes, `${name}.json`), { force: true });
  }
  for (const cacheDir of new Set(cleared.map(({ mark }) => mark.cacheDir))) await removeOldHashes(cacheDir);
  return cleared;
}

/**
 * A process marks an entry before it opens it, so a mark made before the entry is out of its place is seen after; then it is put
 * back. One made later finds nothing there, and makes it anew.
 */
async function removed({ path, mark, kind }: CacheEntry): Promise<boolean> {
  const aside = join(dirname(path), `.cleared-${process.pid}-${Date.now()}`);
  try {
    if (await isInUse(mark.cacheDir, mark.name)) return false;
    await rename(path, aside);
    if (kind !== 'unfinished' && (await isInUse(mark.cacheDir, mark.name))) {
      await rename(aside, path);
      return false;
    }
    await rm(aside, { recursive: true, force: true });
    return true;
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return false; // somebody else cleared it
    throw fileError('cache', 'clear', path, cause);
  }
}

/** Notes of the hashes of files that are no longer there. */
async function removeOldHashes(cacheDir: string): Promise<void> {
  const folder = join(cacheDir, 'hashes');
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    if (!(await stillThere(path))) await rm(path, { force: true });
  }
}

async function stillThere(note: string): Promise<boolean> {
  try {
    const { path } = parseJson(await readFile(note, 'utf8'), { where: 'cache', path: note }) as {
      readonly path: string;
    };
    return existsSync(path);
  } catch (error) {
    if (error instanceof AutoCircuitError || errnoOf(error) !== undefined) return false;
    throw error;
  }
}
