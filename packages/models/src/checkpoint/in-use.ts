/**
 * @file Marks on what a process uses of a cache: `in-use/NAME/…`, one folder for each process, locked by it. While one of them is
 * held by a living process, nobody clears what the name stands for.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import { errnoOf, type FolderLock, lockFolder } from '@auto-circuit/core/run';

/** The folders of this process's marks, by cache and name. */
const marks = new Map<string, string>();

/**
 * Marks an entry of a cache as used until this process ends. A cache that cannot be written needs no mark: nobody like this
 * process can clear it.
 */
export async function markInUse(cacheDir: string, name: string): Promise<void> {
  const place = join(cacheDir, 'in-use', name);
  const before = marks.get(place);
  if (before !== undefined && existsSync(before)) return;
  if (marks.size === 0) process.once('exit', removeMarks);
  const folder = join(place, `${process.pid}-${randomBytes(4).toString('hex')}`);
  marks.set(place, folder);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await lockFolder(folder);
  } catch (error) {
    if (!(error instanceof AutoCircuitError) && errnoOf(error) === undefined) throw error;
  }
}

/** A process that is killed leaves its marks; whoever looks next sees that it is gone. */
function removeMarks(): void {
  for (const folder of marks.values()) {
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // the next to look removes it
    }
  }
}

/** Whether a living process uses the entry, this one included. Marks of processes that are gone are removed. */
export async function isInUse(cacheDir: string, name: string): Promise<boolean> {
  const place = join(cacheDir, 'in-use', name);
  let used = false;
  for (const mark of await readdir(place).catch(() => [])) {
    const folder = join(place, mark);
    const lock = await lockOf(folder);
    if (lock === 'held') {
      used = true;
      continue;
    }
    await lock?.release();
    await rm(folder, { recursive: true, force: true });
  }
  return used;
}

/** The lock of a mark that nobody holds; `held`; null when the mark has gone meanwhile. */
async function lockOf(folder: string): Promise<FolderLock | 'held' | null> {
  try {
    return await lockFolder(folder);
  } catch (error) {
    if (!(error instanceof AutoCircuitError)) throw error;
    return error.code === 'run-locked' ? 'held' : null;
  }
}

/** Whether a process of this machine runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== 'ESRCH';
  }
}
