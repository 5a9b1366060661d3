/**
 * @file An algorithm's partial work in one safetensors file: arrays as tensors, the rest as JSON in the metadata, and a checksum
 * of both. The one before stays beside it, for the case that the last one is damaged.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AutoCircuitError } from '../errors/error.js';
import { fileError } from '../files/file-error.js';
import { openSafetensors } from '../files/safetensors.js';
import { safetensorsSource, writeSafetensors } from '../files/safetensors-write.js';
import type { Checkpoint, CheckpointData } from '../plugin/checkpoint.js';
import type { FloatArray } from '../tensor/tensor.js';
import { toJsonText } from './schemas.js';

/** Writes closer together than this are left out: what is lost is less work than the writing. */
const LEAST_SECONDS_BETWEEN = 0.5;

/** How a checkpoint file is kept and read. */
export interface CheckpointFileOptions {
  /** Where the checkpoint before the last one is kept; without it, or where its folder is gone, only the last one is. */
  readonly previous?: string;
  /** Which work it is of: part of the checksum, so that a file of other work is refused. */
  readonly key?: string;
  /** A file without a checksum, of an early version, is read. Default: it is refused. */
  readonly unsealed?: boolean;
  /** Told when the last checkpoint is damaged and the one before is used. */
  readonly onWarning?: ((line: string) => void) | undefined;
  /** Seconds, for tests. */
  readonly now?: () => number;
}

/**
 * A checkpoint in a file that is always whole. Saves within half a second of the last one are skipped, unless they are final.
 */
export function fileCheckpoint(
  path: string,
  { key = '', previous, unsealed = false, onWarning, now = () => performance.now() / 1000 }: CheckpointFileOptions = {},
): Checkpoint {
  let last = Number.NEGATIVE_INFINITY;
  return {
    path,
    async load() {
      const older = previous !== undefined && existsSync(previous) ? previous : null;
      // Between the two renames of a save, only the older one is there.
      if (!existsSync(path)) return older === null ? null : readCheckpoint(older, key, unsealed);
      try {
        return readCheckpoint(path, key, unsealed);
      } catch (error) {
        if (older === null || !(error instanceof AutoCircuitError) || error.kind !== 'user') throw error;
        const data = readCheckpoint(older, key, unsealed);
        onWarning?.(`${error.parts.what}; the work goes on from the one before it`);
        return data;
      }
    },
    async save(data, { final = false } = {}) {
      if (!final && now() - last < LEAST_SECONDS_BETWEEN) return;
      if (previous === undefined || !existsSync(path) || !existsSync(dirname(previous))) {
        await writeArrays(path, key, data);
      } else {
        const next = join(dirname(path), `.${basename(path)}.next.tmp`);
        await writeArrays(next, key, data);
        try {
          await rename(path, previous);
          await rename(next, path);
        } catch (cause) {
          throw fileError('run', 'write', path, cause);
        }
      }
      last = now();
    },
  };
}

/** Numbers of either precision by name, and plain data. */
export interface ArraysData {
  readonly state: CheckpointData['state'];
  readonly arrays: Readonly<Record<string, FloatArray>>;
}

/** Writes arrays under a checksum that covers which work they are of (`key`); whole or not at all. */
export async function writeArrays(path: string, key: string, data: ArraysData): Promise<void> {
  const tensors = Object.entries(data.arrays).map(([name, array]) => safetensorsSource(name, [array.length], array));
  const state = toJsonText(data.state, path);
  await writeSafetensors(path, tensors, { state, sha256: checksum(key, state, data.arrays) });
}

/** SHA-256 of the key, the state and of every array with its name, in the order of their names. */
function checksum(key: string, state: string, arrays: ArraysData['arrays']): string {
  const hash = createHash('sha256').update(key).update('\0').update(state);
  for (const name of Object.keys(arrays).sort()) {
    const array = arrays[name]!;
    hash.update(JSON.stringify([name, array.length]));
    hash.update(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  }
  return hash.digest('hex');
}

function readCheckpoint(path: string, key: string, unsealed: boolean): CheckpointData {
  const { state, arrays } = readArrays(path, key, unsealed);
  for (const [name, array] of Object.entries(arrays)) {
    if (!(array instanceof Float64Array)) throw damaged(path, `"${name}" is not float64`);
  }
  return { state, arrays: arrays as Readonly<Record<string, Float64Array>> };
}

const damaged = (path: string, what: string, cause?: unknown): AutoCircuitError =>
  new AutoCircuitError({
    code: 'wrong-checkpoint',
    fields: { path },
    where: 'run',
    what: `the partial work in ${path} is damaged: ${what}`,
    fix: 'start again, replacing the run',
    cause,
  });

/**
 * What `writeArrays` wrote.
 * @param unsealed whether a file without a checksum is read, too
 * @throws AutoCircuitError `wrong-checkpoint` for a file that is damaged, or of other work
 */
export function readArrays(path: string, key: string, unsealed = false): ArraysData {
  const broken = (what: string, cause?: unknown) => damaged(path, what, cause);
  const arrays: Record<string, FloatArray> = {};
  let metadata: Readonly<Record<string, string>>;
  try {
    const file = openSafetensors(path);
    metadata = file.metadata;
    for (const name of file.tensors.keys()) {
      const array = file.read(name);
      if (!(array instanceof Float64Array || array instanceof Float32Array)) throw broken(`"${name}" holds no numbers`);
      arrays[name] = array;
    }
  } catch (cause) {
    const torn = cause instanceof AutoCircuitError && TORN.includes(`${cause.code}`);
    throw torn ? broken(cause.parts.what, cause) : cause;
  }
  const { state, sha256 } = metadata;
  if (state === undefined) throw broken('it has no state');
  if (sha256 === undefined ? !unsealed : sha256 !== checksum(key, state, arrays)) {
    throw broken(sha256 === undefined ? 'it has no checksum' : 'its checksum is another, or it belongs to another run');
  }
  return { state: JSON.parse(state) as CheckpointData['state'], arrays };
}

/** What reading a file says that is damaged, and not only out of reach. */
const TORN: readonly string[] = ['invalid-safetensors', 'unsupported-format', 'memory-limit'];
