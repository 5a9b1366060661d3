/** @file Opens a run folder for writing: takes its lock, and refuses folders that hold something else. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AutoCircuitError } from '../errors/error.js';
import { writeFileAtomic } from '../files/atomic-file.js';
import { fileError } from '../files/file-error.js';
import { makeFolder } from '../files/folder.js';
import { Checksums, checkRunFiles, type ReadOptions } from './checksums.js';
import { isGroupCircuit } from './group-circuits.js';
import { type FolderLock, LOCK_NAME, lockFolder } from './lock.js';
import {
  type ExistingFolder,
  isTemporary,
  RUN_FILES,
  readIfThere,
  removeRunFiles,
  removeTemporaries,
} from './run-files.js';
import { readRunJson } from './run-reader.js';
import { differences, parseBySchema, type RunJson, requestSchema, runSchema, toJsonText } from './schemas.js';
import { RunStore } from './store.js';
import { isVerificationFile } from './verification-file.js';

/** A run folder opened for writing, and the run that is in it. */
export interface OpenedStore {
  readonly store: RunStore;
  readonly run: RunJson;
}

/**
 * Makes or opens a run folder for writing. `run` is what is asked now; with `resume` it must be what the folder's run was asked.
 * @throws AutoCircuitError when the folder is in use, holds something else, a run (`refuse`), or a run of another request or
 *   with a damaged file (`resume`)
 */
export async function openRunStore(
  folder: string,
  run: RunJson,
  existing: ExistingFolder,
  options: ReadOptions = {},
): Promise<OpenedStore> {
  const path = resolve(folder);
  try {
    await makeFolder(path);
    // Before the lock, so that a folder of something else is left without any trace of us.
    if (existing === 'refuse') await refuseExisting(path);
    await refuseForeign(path);
    const lock = await lockFolder(path);
    try {
      return await prepare(path, run, existing, lock, options);
    } catch (cause) {
      await lock.release();
      throw cause;
    }
  } catch (cause) {
    throw fileError('run', 'use', path, cause);
  }
}

/**
 * Opens a run that is there, to add to it.
 * @throws AutoCircuitError when there is none, another process writes it, or a file of it is not what it was when it was written
 */
export async function openExistingRun(folder: string, options: ReadOptions = {}): Promise<OpenedStore> {
  const run = await readRunJson(folder);
  const path = resolve(folder);
  const lock = await lockFolder(path);
  try {
    const checksums = await checkRunFiles(path, options);
    const parts = { lock, checksums, key: keyOf(run), resumed: true, onWarning: options.onWarning };
    return { store: new RunStore(path, parts), run };
  } catch (cause) {
    await lock.release();
    throw cause;
  }
}

async function prepare(
  folder: string,
  run: RunJson,
  existing: ExistingFolder,
  lock: FolderLock,
  options: ReadOptions,
): Promise<OpenedStore> {
  const runPath = join(folder, RUN_FILES.run);
  if (existing === 'refuse') await refuseExisting(folder); // once more: another process may have finished one meanwhile
  const text = existing === 'resume' ? await readIfThere(runPath) : null;
  const kept = text === null ? null : parseBySchema(runSchema, text, runPath);
  const parts = { lock, key: keyOf(run), resumed: kept !== null, onWarning: options.onWarning };
  if (kept === null) {
    // Without its run.json nothing says what the other files belong to.
    await removeRunFiles(folder);
    await removeTemporaries(folder);
    await makeFolder(join(folder, RUN_FILES.partial));
    await writeFileAtomic(runPath, toJsonText(run, runPath));
    const checksums = new Checksums(folder);
    await checksums.commit(['run']);
    return { store: new RunStore(folder, { ...parts, checksums }), run };
  }
  checkSameRequest(folder, kept, run);
  const finished = !existsSync(join(folder, RUN_FILES.partial));
  if (!finished) checkSameMaker(folder, kept, run);
  let checksums = await checkRunFiles(folder, options);
  if (!checksums && !finished) {
    // Killed between run.json and its checksum.
    checksums = new Checksums(folder);
    await checksums.commit(['run']);
  }
  await removeTemporaries(folder);
  if (finished) return { store: new RunStore(folder, { ...parts, checksums }), run: kept };
  await removeTemporaries(join(folder, RUN_FILES.partial));
  // What is not listed was not finished; constants, and scores of single prompts, are gone on with.
  const unfinished = checksums?.unlisted().filter((file) => !GONE_ON_WITH.includes(file)) ?? [];
  for (const file of unfinished) await rm(join(folder, RUN_FILES[file]), { force: true });
  return { store: new RunStore(folder, { ...parts, checksums }), run: kept };
}

/** Files that are filled little by little. */
const GONE_ON_WITH: readonly string[] = ['constants', 'promptScores'];

/** Partial work belongs to a request. */
const keyOf = ({ asked }: RunJson): string =>
  // Through the schema, so that keys have one order.
  createHash('sha256')
    .update(JSON.stringify(requestSchema.parse(asked)))
    .digest('hex');

/**
 * Numbers of two versions of a program are not to be mixed in one run.
 * @throws AutoCircuitError `run-changed` naming what was different when the run was begun
 */
export function checkSameMaker(folder: string, before: RunJson, now: RunJson): void {
  const maker = ({ versions, runtime, memory, checksums }: RunJson) => {
    const node = versions.node?.split('.')[0];
    return { versions: { ...versions, ...(node === undefined ? {} : { node }) }, runtime, memory, checksums };
  };
  const changes = differences(maker(before), maker(now));
  if (changes.length === 0) return;
  throw new AutoCircuitError({
    code: 'run-changed',
    fields: { path: folder, changes },
    where: 'run',
    what: `${folder} was begun under other conditions: ${changes.slice(0, 4).join('; ')}`,
    fix: 'finish it with what it was begun with, or begin it again, replacing it',
  });
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
    (name) => !known.includes(name) && !isTemporary(name) && !isVerificationFile(name) && !isGroupCircuit(name),
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
