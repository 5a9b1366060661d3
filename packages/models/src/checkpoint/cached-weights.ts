/**
 * @file Canonical weights in a file of the cache: written once, checked whenever it is opened, watched while it is mapped. A file
 * whose stamp is not the one that its checksum was last found right with is read whole and compared.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { AutoCircuitError, type WeightStore } from '@auto-circuit/core/backend';
import {
  changedFile,
  errnoOf,
  fileError,
  fileStamp,
  makeFolder,
  openSafetensors,
  type SafetensorsFile,
  writeSafetensors,
} from '@auto-circuit/core/run';
import { z } from 'zod';
import { missingTensor } from './errors.js';
import {
  type CheckNote,
  hashFile,
  hashFileSync,
  noteUse,
  readCheck,
  readNote,
  writeCheck,
  writeNote,
} from './file-hash.js';
import { HALF_DTYPES, type HalfName, isHalf, narrowed } from './halves.js';
import { markInUse } from './in-use.js';
import type { CanonicalTensors } from './tensors.js';
import type { RecordedCheckpoint } from './unused.js';

/** Part of every key: raise it when canonical names, layouts or formulas change. */
export const FORMAT_VERSION = 1;

/** What a conversion needs to know, and who hears of it. */
export interface Conversion {
  readonly recorded: RecordedCheckpoint;
  /** Throws once a file of the checkpoint is no longer what it was. */
  readonly checkUnchanged: () => void;
  readonly onWarning: (line: string) => void;
  /** The dtype that matrices have in the file, where all of them are such numbers; default F32. */
  readonly halves?: HalfName | null;
  readonly onProgress?: (done: number, total: number) => void;
}

const namesNote = z.array(z.string());

/** The file of a key in the first folder that has it, else written to the first that takes it. */
export async function cachedStore(
  folders: readonly string[],
  key: string,
  tensors: CanonicalTensors,
  conversion: Conversion,
): Promise<{ readonly store: WeightStore; readonly unused: readonly string[] }> {
  const { recorded, onWarning } = conversion;
  const notePath = (folder: string): string => join(folder, 'unused', `${key}.json`);
  for (const folder of folders) {
    if (existsSync(pathOf(folder, key))) await markInUse(folder, key); // before it is opened: see clear-cache.ts
    const unused = await readNote(notePath(folder), namesNote); // without it nobody knows what to say: converted again
    const found = unused && (await openCached(folder, key, tensors, onWarning));
    if (!found) continue;
    await noteUse(folder, key);
    return { store: fileWeights(found.file, key, found.check), unused };
  }
  let refusal: unknown;
  for (const folder of folders) {
    try {
      await makeFolder(join(folder, 'weights'), 0o700);
      if (folder === temporaryCacheDir()) await checkOwner(folder);
      await markInUse(folder, key);
      const path = pathOf(folder, key);
      const check = { ...(await writeCanonical(path, tensors, conversion)), source: recorded.raw.source };
      await writeCheck(folder, key, check);
      const unused = recorded.unread();
      await writeNote(notePath(folder), unused);
      return { store: fileWeights(openSafetensors(path), key, check), unused };
    } catch (cause) {
      const error = fileError('cache', 'write', folder, cause);
      const fromSystem = errnoOf(error instanceof AutoCircuitError ? error.cause : error) !== undefined;
      if (!fromSystem) throw error;
      refusal = error;
      if (folder !== folders.at(-1)) {
        onWarning(`${(error as Error).message}; using ${folders.at(-1)} for this model's weights`);
      }
    }
  }
  throw refusal;
}

const pathOf = (folder: string, key: string): string => join(folder, 'weights', `${key}.safetensors`);

/** A store whose entries point into a safetensors file of tensors of float32 or of 16 bits, and which knows what that file must be. */
export function fileWeights(file: SafetensorsFile, key: string, right: CheckNote): WeightStore {
  const find = (name: string) => {
    const entry = file.tensors.get(name);
    if (!entry) throw missingTensor('checkpoint', 'weight', name, [...file.tensors.keys()]);
    return entry;
  };
  const check = watched(file.path, right);
  return Object.freeze<WeightStore>({
    key,
    names: Object.freeze([...file.tensors.keys()]),
    entry: (name: string) => {
      const { shape, byteOffset, dtype } = find(name);
      return { shape, file: file.path, byteOffset, ...(isHalf(dtype) ? { dtype: HALF_DTYPES[dtype] } : {}) };
    },
    read: (name: string) => {
      find(name);
      const data = readWatched(file, name, check);
      if (data instanceof Float32Array) return data;
      throw new AutoCircuitError({
        code: 'wrong-tensor',
        fields: { tensor: name },
        where: 'checkpoint',
        what: `weight "${name}" of ${file.path} is not float32`,
        kind: 'internal',
      });
    },
    check,
  });
}

/** A tensor of the file, or of the one that another process put in its place with the same content. */
function readWatched(file: SafetensorsFile, name: string, check: () => void): ReturnType<SafetensorsFile['read']> {
  try {
    return file.read(name);
  } catch (error) {
    if (!(error instanceof AutoCircuitError) || error.code !== 'file-changed') throw error;
    check();
    return openSafetensors(file.path).read(name);
  }
}

/** Throws once the file holds something else. One that another process wrote anew, with the same content, is as good. */
function watched(path: string, { stamp, sha256 }: CheckNote): () => void {
  let right = stamp;
  return () => {
    const now = stampIfThere(path);
    if (now === undefined || now === right) return; // what is mapped of a removed file stays
    if (writtenInPlace(now, right) || hashFileSync(path) !== sha256) {
      throw changedFile('cache', path, 'a run was using it; its results would not be those of the model');
    }
    right = now;
  };
}

function stampIfThere(path: string): string | undefined {
  try {
    return fileStamp(path);
  } catch (error) {
    if (error instanceof AutoCircuitError && error.code === 'file-not-found') return undefined;
    throw error;
  }
}

/** Whether the file was written in place: a stamp is size, time of the content, time of the inode, inode and device. */
function writtenInPlace(now: string, before: string): boolean {
  const [size, mtime, , ...place] = now.split('-');
  const [sizeBefore, mtimeBefore, , ...placeBefore] = before.split('-');
  return place.join() === placeBefore.join() && (size !== sizeBefore || mtime !== mtimeBefore);
}

interface Opened {
  readonly file: SafetensorsFile;
  readonly check: CheckNote;
}

/** The cached file if it is there, whole and ours; anything else is made anew, with a warning if it was broken. */
async function openCached(
  folder: string,
  key: string,
  tensors: CanonicalTensors,
  onWarning: (line: string) => void,
): Promise<Opened | undefined> {
  const path = pathOf(folder, key);
  const present = await lstat(path).catch(() => undefined);
  if (!present) return undefined;
  if (present.uid !== undefined && path.startsWith(temporaryCacheDir()) && !ownedByUs(present.uid)) return undefined;
  try {
    const stamp = fileStamp(path);
    const file = openSafetensors(path);
    const fits = [...tensors.values()].every(({ name, shape }) => {
      const entry = file.tensors.get(name);
      return (
        entry !== undefined && (entry.dtype === 'F32' || isHalf(entry.dtype)) && entry.shape.join() === shape.join()
      );
    });
    if (!fits || file.tensors.size !== tensors.size) {
      onWarning(`[cache] ${path} does not hold this model's weights; rewriting it`);
      return undefined;
    }
    const note = await readCheck(folder, key);
    if (!note) return undefined; // of before there were checksums
    if (note.stamp === stamp) return { file, check: note };
    if ((await hashFile(path)) === note.sha256 && fileStamp(path) === stamp) {
      const check = { ...note, stamp };
      await writeCheck(folder, key, check);
      return { file, check };
    }
    onWarning(`[cache] ${path} is damaged: its checksum is not the one that it was written with; rewriting it`);
  } catch (error) {
    if (!(error instanceof AutoCircuitError)) throw error;
    onWarning(`${error.message} (the cache rewrites it)`);
  }
  return undefined;
}

async function writeCanonical(path: string, tensors: CanonicalTensors, conversion: Conversion): Promise<CheckNote> {
  const { checkUnchanged, halves = null, onProgress } = conversion;
  let done = 0;
  const hash = createHash('sha256');
  const sources = [...tensors.values()].map(({ name, shape, load }) => ({
    name,
    shape,
    dtype: halves && shape.length > 1 ? halves : ('F32' as const),
    *data() {
      const numbers = load();
      const narrow = halves && shape.length > 1 ? narrowed(numbers, halves) : numbers;
      if (!narrow) throw new NotHalf();
      yield narrow;
      onProgress?.(++done, tensors.size);
    },
  }));
  const metadata = { format: 'auto-circuit-canonical', version: String(FORMAT_VERSION) };
  const writing = writeSafetensors(path, sources, metadata, {
    onBytes: ({ buffer, byteOffset, byteLength }) => hash.update(new Uint8Array(buffer, byteOffset, byteLength)),
    beforeDone: checkUnchanged,
    // runs map it: who cuts or overwrites it ends or falsifies them. Windows replaces no file that cannot be written
    ...(process.platform === 'win32' ? {} : { mode: 0o444 }),
  });
  try {
    await writing;
  } catch (error) {
    if (causesOf(error).some((cause) => cause instanceof NotHalf))
      return writeCanonical(path, tensors, { ...conversion, halves: null });
    throw error;
  }
  return readBack(path, hash.digest('hex'));
}

/** What a recipe made of a tensor of 16 bits has more of them: the whole file is of float32 then. */
class NotHalf extends Error {}

/** An error and all that caused it. */
function causesOf(error: unknown): unknown[] {
  return error instanceof Error ? [error, ...causesOf(error.cause)] : [error];
}

/**
 * The file as it lies there, read once more: what was written is not always what is there. Another process may put the same
 * content in its place meanwhile.
 */
async function readBack(path: string, sha256: string): Promise<CheckNote> {
  for (;;) {
    const stamp = fileStamp(path);
    if ((await hashFile(path)) !== sha256) throw changedFile('cache', path, 'it was being written');
    if (fileStamp(path) === stamp) return { stamp, sha256 };
  }
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
