/** @file Opens a run folder for writing: takes its lock, and refuses folders that hold something else. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AutoCircuitError } from '../errors/error.js';
import { writeFileAtomic } from '../files/atomic-file.js';
import { fileError } from '../files/file-error.js';
import { makeFolder } from '../files/folder.js';
import { type FolderLock, LOCK_NAME, lockFolder } from './lock.js';
import {
  type ExistingFolder,
  isTemporary,
  RUN_FILES,
  readIfThere,
  removeRunFiles,
  removeTemporaries,
} from './run-files.js';
import { readRun } from './run-reader.js';
import { differences, parseBySchema, type RunJson, runSchema, toJsonText } from './schemas.js';
import { RunStore } from './store.js';
import { isVerificationFile } from './verification-file.js';

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

/** Opens a run that is there, to add to it. @throws AutoCircuitError when there is none, or another process writes it */
export async function openExistingRun(folder: string): Promise<{ readonly store: RunStore; readonly run: RunJson }> {
  const run = await readRun(folder);
  const path = resolve(folder);
  return { store: new RunStore(path, await lockFolder(path), true), run };
}

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

function checkSameRequest(folder: string, before: RunJson, now: RunJson): void {
  const changes = differences(before.asked, now.asked);
  if (changes.length === 0) return;
  throw new AutoCircuitError({
    code: 'run-exists',
    fields: { path: folder, changes },
    where: 'run',
    what: `${folder} holds a run with other settings: ${changes.slice(0, 4).join('; ')}${changes.length > 4 ? `; and ${changes.length - 4} more` : ''}`,
    fix: 'give the same settings, choose another folder, or overwrite the run',
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
    what: `${folder} is not empty and is not a run folder: it holds "${foreign}"`,
    fix: 'choose an empty or a new folder',
  });
}
