/** @file Reads files that users name, which may be pipes and devices, too, and so without an end. */
import { open } from 'node:fs/promises';
import { AutoCircuitError } from '../errors/error.js';

/** Of what is no ordinary file, and does not say how long it is. */
const MOST_STREAMED_BYTES = 2 ** 27;
const CHUNK_BYTES = 2 ** 20;

/**
 * All bytes of a file. Of a pipe (`<(zcat prompts.json.gz)`) or a device there are at most 128 MiB.
 * @throws the system's error; an AutoCircuitError `file-unreadable` for what goes on beyond that
 */
export async function readWhole(path: string): Promise<Uint8Array> {
  return wholeOf(path);
}

async function wholeOf(path: string): Promise<Buffer> {
  const handle = await open(path);
  try {
    if ((await handle.stat()).isFile()) return await handle.readFile();
    const chunks: Buffer[] = [];
    for (let total = 0; total <= MOST_STREAMED_BYTES; ) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, null);
      if (bytesRead === 0) return Buffer.concat(chunks);
      chunks.push(buffer.subarray(0, bytesRead));
      total += bytesRead;
    }
  } finally {
    await handle.close();
  }
  throw new AutoCircuitError({
    code: 'file-unreadable',
    fields: { path },
    where: 'files',
    what: `${path} is no ordinary file, and goes on beyond ${MOST_STREAMED_BYTES / 2 ** 20} MiB`,
    fix: 'save what it gives in a file, and name that',
  });
}

/** The same as text. @throws as `readWhole`; the system's error for what is longer than a text can be */
export const readWholeText = async (path: string): Promise<string> => (await wholeOf(path)).toString('utf8');
