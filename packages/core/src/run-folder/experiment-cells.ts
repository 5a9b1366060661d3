/** @file A cell of an experiment: one discovery, whose folder is named after what decides its numbers, so that it is done once. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AutoCircuitError } from '../errors/error.js';
import { LOCK_NAME, lockFolder } from './lock.js';
import { RUN_FILES } from './run-files.js';
import type { RunJson } from './schemas.js';

/** Hexadecimal digits of a cell's folder name: 64 bits. */
const HASH_LENGTH = 16;

/**
 * The address of a run: a hash of the request (model, data, algorithm, options, seed, …), the version of this program and of
 * the runtime. Paths by which model and data were found do not count.
 */
export function cellHash({ asked, versions, runtime }: Pick<RunJson, 'asked' | 'versions' | 'runtime'>): string {
  const { node: _, ...code } = versions;
  return createHash('sha256').update(canonicalJson({ asked, code, runtime })).digest('hex').slice(0, HASH_LENGTH);
}

/** JSON text in which the order of keys does not matter. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry)}`).join(',')}}`;
}

/** How far a cell's folder got: `begun` is unfinished, or was finished by a process that died before it had tidied up. */
export type CellProgress = 'none' | 'begun' | 'done';

/** How far a cell's folder got, by which files are there. */
export function cellProgress(folder: string): CellProgress {
  if (!existsSync(join(folder, RUN_FILES.run))) return 'none';
  const open = [RUN_FILES.partial, LOCK_NAME].some((name) => existsSync(join(folder, name)));
  return open ? 'begun' : 'done';
}

/**
 * Waits until no process writes a folder: a worker whose parent was killed needs a moment to notice.
 * @param seconds the longest wait; after it, whoever opens the folder says who holds it
 */
export async function waitUntilFree(folder: string, seconds: number, signal?: AbortSignal): Promise<void> {
  if (!existsSync(folder)) return;
  const end = performance.now() + seconds * 1000;
  for (;;) {
    signal?.throwIfAborted();
    try {
      await (await lockFolder(folder)).release();
      return;
    } catch (error) {
      if (!(error instanceof AutoCircuitError)) throw error;
      if (performance.now() > end) return;
    }
    await sleep(100, undefined, signal ? { signal } : {});
  }
}
