/** @file The weights that a worker has been sent so far. Those in files are read there, not sent. */
import { closeSync, openSync, readSync } from 'node:fs';
import { type WeightEntry, type WeightStore, widened } from '@auto-circuit/core/backend';
import { AutoCircuitError, unknownName } from '@auto-circuit/core/startup';
import type { SentWeights } from './messages.js';

/** A store that gets its entries as programs need them. */
export interface GrowingStore extends WeightStore {
  readonly entries: Map<string, WeightEntry>;
}

/** A store without entries, with the key and the names of the one that weights are sent from. */
export function growingStore({ key, names }: Pick<SentWeights, 'key' | 'names'>): GrowingStore {
  const entries = new Map<string, WeightEntry>();
  const entry = (name: string): WeightEntry => {
    const found = entries.get(name);
    if (!found) throw unknownName('worker', 'weight', name, [...entries.keys()]);
    return found;
  };
  return {
    key,
    names,
    entries,
    entry,
    read: (name) => {
      const found = entry(name);
      return 'data' in found ? found.data : readFloats(name, found);
    },
  };
}

/** Most bytes of one read: Node.js refuses 2³¹ and more. */
const MOST_READ = 2 ** 28;

/** Little-endian as in the file and on every machine that Node.js runs on; numbers of 16 bits are widened. */
function readFloats(name: string, { shape, file, byteOffset, dtype }: Extract<WeightEntry, { readonly file: string }>) {
  const bytes = new Uint8Array(shape.reduce((product, size) => product * size, dtype ? 2 : 4));
  const descriptor = openSync(file, 'r');
  try {
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(descriptor, bytes, done, Math.min(MOST_READ, bytes.length - done), byteOffset + done);
      if (read === 0) {
        throw new AutoCircuitError({
          code: 'invalid-safetensors',
          where: 'worker',
          what: `${file} ends within weight "${name}"`,
          fields: { path: file, tensor: name },
        });
      }
      done += read;
    }
  } finally {
    closeSync(descriptor);
  }
  return dtype ? widened(bytes, dtype) : new Float32Array(bytes.buffer);
}
