/**
 * @file Files that are whole or absent: written under a temporary name in the same folder, synced, then renamed.
 * A reader (or a second writer) never sees half a file.
 */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf, fileError } from './file-error.js';

/** Adds bytes at the end of the file being written. */
export type AppendBytes = (bytes: ArrayBufferView) => Promise<void>;

/**
 * Replaces (or makes) `path` with what `produce` appends. If anything fails, `path` is as it was and the temporary
 * file is removed. The folder must exist.
 * @param mode who may read and write the file, less what the process's umask takes away
 * @throws AutoCircuitError for a full disk, an unwritable or missing folder, …; whatever `produce` throws otherwise.
 */
export async function replaceFileAtomic(
  path: string,
  produce: (append: AppendBytes) => Promise<void>,
  mode = 0o666,
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`);
  let made = false;
  try {
    const handle = await open(temporary, 'wx', mode);
    made = true;
    try {
      await produce((bytes) => appendAll(handle, bytes));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
    made = false;
    await syncFolder(dirname(path));
  } catch (cause) {
    if (made) await removeQuietly(temporary);
    throw fileError('files', 'write', path, cause);
  }
}

/** Writes a whole small file (JSON, HTML, …) atomically; see `replaceFileAtomic`. Text is UTF-8. */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  await replaceFileAtomic(path, (append) => append(typeof data === 'string' ? Buffer.from(data, 'utf8') : data));
}

/** One write call is limited to 2 GiB, and may write less than it was given. */
const WRITE_LIMIT = 2 ** 28;

async function appendAll(handle: FileHandle, view: ArrayBufferView): Promise<void> {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, Math.min(WRITE_LIMIT, bytes.length - done));
    done += bytesWritten;
  }
}

/** Makes the rename itself survive a power cut. Not every system lets a folder be opened or synced (Windows does not). */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(ignoreSystemError);
  if (!handle) return;
  try {
    await handle.sync().catch(ignoreSystemError);
  } finally {
    await handle.close();
  }
}

/** The first error is the one to report, so a file that cannot be removed either is left alone. */
async function removeQuietly(path: string): Promise<void> {
  await unlink(path).catch(ignoreSystemError);
}

function ignoreSystemError(error: unknown): undefined {
  if (errnoOf(error) === undefined) throw error;
  return undefined;
}
