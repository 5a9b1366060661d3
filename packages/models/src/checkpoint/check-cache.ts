/** @file Every file of the weight cache read whole and compared with its checksum, for `doctor`. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileStamp } from '@auto-circuit/core/run';
import { hashFile, readCheck, writeCheck } from './file-hash.js';

/** What was found in a cache folder. */
export interface CacheReport {
  readonly files: number;
  readonly bytes: number;
  /** Paths of files that are not what was written; they are made anew when a model next needs them. */
  readonly damaged: readonly string[];
  /** Paths of files without a checksum: of earlier versions, made anew as well. */
  readonly unknown: readonly string[];
}

const EXTENSION = '.safetensors';

/**
 * Reads all cached weights.
 * @param onProgress bytes read, of all
 * @throws AutoCircuitError for a file that cannot be read
 */
export async function checkWeightCache(
  cacheDir: string,
  onProgress: (done: number, total: number) => void = () => undefined,
): Promise<CacheReport> {
  const folder = join(cacheDir, 'weights');
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => /^[0-9a-f]+\.safetensors$/.test(name)) : [];
  const sizes = new Map(names.map((name) => [name, statSync(join(folder, name)).size]));
  const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const damaged: string[] = [];
  const unknown: string[] = [];
  let done = 0;
  for (const [name, size] of sizes) {
    const path = join(folder, name);
    const key = name.slice(0, -EXTENSION.length);
    const note = await readCheck(cacheDir, key);
    if (!note) unknown.push(path);
    else {
      const stamp = fileStamp(path);
      const right = (await hashFile(path)) === note.sha256;
      if (!right) damaged.push(path);
      // the next run reads a damaged one whole, whatever its times say
      if (note.stamp !== (right ? stamp : '')) await writeCheck(cacheDir, key, { ...note, stamp: right ? stamp : '' });
    }
    done += size;
    onProgress(done, bytes);
  }
  return Object.freeze({ files: names.length, bytes, damaged, unknown });
}
