/** @file sha256 of files, remembered beside the cache while a file stays the same; and the notes that remember it. */
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { readFile, realpath, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import { changedFile, errnoOf, fileError, fileStamp, makeFolder, writeFileAtomic } from '@auto-circuit/core/run';
import { z } from 'zod';

const CHUNK_BYTES = 2 ** 22;
/**
 * A file that was written so lately may be written again without another time: clocks of file systems tick in milliseconds, some
 * in seconds.
 */
const SETTLED_MS = 2000;

const sha256Text = z.string().regex(/^[0-9a-f]{64}$/);
const sidecar = z.object({ path: z.string(), stamp: z.string(), sha256: sha256Text });

/** sha256 of a file's content; taken from a note while the file stays the same. @throws AutoCircuitError `file-changed`, … */
export async function fileHash(path: string, cacheDir: string): Promise<string> {
  try {
    const real = await realpath(path);
    const stamp = fileStamp(real);
    const note = join(cacheDir, 'hashes', `${createHash('sha256').update(real).digest('hex')}.json`);
    const known = await readNote(note, sidecar);
    if (known?.path === real && known.stamp === stamp) return known.sha256;
    const { ctimeMs } = await stat(real);
    const settled = Date.now() - ctimeMs > SETTLED_MS;
    const sha256 = await hashFile(real);
    if (fileStamp(real) !== stamp) throw changedFile('checkpoint', path, 'the model was being read');
    if (settled) await writeNote(note, { path: real, stamp, sha256 });
    return sha256;
  } catch (cause) {
    throw fileError('checkpoint', 'read', path, cause);
  }
}

/** sha256 of a file's content, read now. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: CHUNK_BYTES }), hash);
  return hash.digest('hex');
}

/** The same at once, for what cannot wait. */
export function hashFileSync(path: string): string {
  const hash = createHash('sha256');
  const chunk = new Uint8Array(CHUNK_BYTES);
  const descriptor = openSync(path, 'r');
  try {
    for (let read = readSync(descriptor, chunk); read > 0; read = readSync(descriptor, chunk)) {
      hash.update(chunk.subarray(0, read));
    }
  } finally {
    closeSync(descriptor);
  }
  return hash.digest('hex');
}

const checkNote = z.object({ stamp: z.string(), sha256: sha256Text, source: z.string().optional() });
/** What a cached file must be: its sha256, and its stamp when that was last found right; and the folder that it was made from. */
export type CheckNote = z.output<typeof checkNote>;

/** The note about the cached file of a key; undefined where there is none, as for files of before there were checks. */
export const readCheck = (cacheDir: string, key: string): Promise<CheckNote | undefined> =>
  readNote(checkPath(cacheDir, key), checkNote);
/** Without a writable cache the check is done again next time. */
export const writeCheck = (cacheDir: string, key: string, note: CheckNote): Promise<void> =>
  writeNote(checkPath(cacheDir, key), note);
/** When a cached file was last opened is the time of its note: its own times say whether it was changed. */
export async function noteUse(cacheDir: string, key: string): Promise<void> {
  const now = new Date();
  await utimes(checkPath(cacheDir, key), now, now).catch(() => undefined);
}
/** Where the note about the cached file of a key is. */
export const checkPath = (cacheDir: string, key: string): string => join(cacheDir, 'checks', `${key}.json`);

/** A note that is missing or damaged costs the work that it spares, nothing else. */
export async function readNote<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S> | undefined> {
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
export async function writeNote(path: string, note: unknown): Promise<void> {
  try {
    await makeFolder(dirname(path), 0o700);
    await writeFileAtomic(path, JSON.stringify(note));
  } catch (error) {
    if (!(error instanceof AutoCircuitError) && errnoOf(error) === undefined) throw error;
  }
}
