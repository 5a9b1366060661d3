/** @file Weight stores that live in memory: for models built in code, and for tests. */
import { createHash } from 'node:crypto';
import { AutoCircuitError } from '../errors/error.js';
import { unknownName } from '../errors/names.js';
import { elementCount } from '../tensor/tensor.js';
import type { WeightEntry, WeightStore } from './backend.js';

/** One weight: float32, row-major. */
export type MemoryWeight = { readonly shape: readonly number[]; readonly data: Float32Array };

/**
 * A store over arrays that the caller holds (they are not copied). Without `key`, the key is a hash of names, shapes and numbers,
 * computed when it is first asked for.
 *
 * @throws AutoCircuitError `wrong-shape` when the numbers of a weight do not fill its shape; the store throws `unknown-name`
 */
export function memoryWeights(weights: Readonly<Record<string, MemoryWeight>>, key?: string): WeightStore {
  const entries = new Map(Object.entries(weights));
  for (const [name, { shape, data }] of entries) {
    if (data.length === elementCount(shape)) continue;
    throw new AutoCircuitError({
      code: 'wrong-shape',
      where: 'core/ir',
      what: `weight "${name}" does not fill its shape [${shape.join(', ')}]`,
      expected: `${elementCount(shape)} numbers`,
      got: `${data.length}`,
      fields: { weight: name, shape, numbers: data.length },
    });
  }
  let known = key;
  const find = (name: string): MemoryWeight => {
    const entry = entries.get(name);
    if (!entry) throw unknownName('core/ir', 'weight', name, [...entries.keys()]);
    return entry;
  };
  return {
    get key() {
      known ??= contentKey(entries);
      return known;
    },
    names: [...entries.keys()],
    entry: (name): WeightEntry => find(name),
    read: (name) => find(name).data,
  };
}

function contentKey(entries: ReadonlyMap<string, MemoryWeight>): string {
  const hash = createHash('sha256');
  for (const [name, { shape, data }] of [...entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name}\0${shape.join(',')}\0`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}
