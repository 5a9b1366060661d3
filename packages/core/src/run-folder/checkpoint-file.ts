/** @file An algorithm's partial work in one safetensors file: arrays as tensors, the rest as JSON in the metadata. */
import { existsSync } from 'node:fs';
import { AutoCircuitError } from '../errors/error.js';
import { openSafetensors } from '../files/safetensors.js';
import { safetensorsSource, writeSafetensors } from '../files/safetensors-write.js';
import type { Checkpoint, CheckpointData } from '../plugin/checkpoint.js';
import { toJsonText } from './schemas.js';

/** Writes closer together than this are left out: what is lost is less work than the writing. */
const LEAST_SECONDS_BETWEEN = 0.5;

/**
 * A checkpoint in a file that is always whole. Saves within half a second of the last one are skipped, unless they are final.
 * @param now seconds, for tests
 */
export function fileCheckpoint(path: string, now = () => performance.now() / 1000): Checkpoint {
  let last = Number.NEGATIVE_INFINITY;
  return {
    path,
    load: async () => (existsSync(path) ? readCheckpoint(path) : null),
    async save(data, { final = false } = {}) {
      if (!final && now() - last < LEAST_SECONDS_BETWEEN) return;
      const tensors = Object.entries(data.arrays).map(([name, array]) =>
        safetensorsSource(name, [array.length], array),
      );
      await writeSafetensors(path, tensors, { state: toJsonText(data.state, path) });
      last = now();
    },
  };
}

function readCheckpoint(path: string): CheckpointData {
  const file = openSafetensors(path);
  const broken = (what: string) =>
    new AutoCircuitError({
      code: 'wrong-checkpoint',
      fields: { path },
      where: 'run',
      what: `${path} is not a checkpoint: ${what}`,
      fix: 'start again, replacing the run',
    });
  if (file.metadata.state === undefined) throw broken('it has no state');
  const arrays: Record<string, Float64Array> = {};
  for (const name of file.tensors.keys()) {
    const array = file.read(name);
    if (!(array instanceof Float64Array)) throw broken(`"${name}" is not float64`);
    arrays[name] = array;
  }
  return { state: JSON.parse(file.metadata.state) as CheckpointData['state'], arrays };
}
