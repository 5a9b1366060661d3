/**
 * @file Tables that are computed from config.json and not stored: rotary positions. They have as many rows as a model is loaded
 * for, which is fewer than the positions that its config allows where these are many.
 */
import type { WeightEntry, WeightStore } from '@auto-circuit/core/backend';
import type { CanonicalTensors } from './tensors.js';

/** The rows of a table where a model has more positions and nobody asks for more. */
export const DEFAULT_POSITIONS = 8192;

/** The tensors that are stored, and the tables that are computed. */
export function splitComputed(tensors: CanonicalTensors): Readonly<Record<'stored' | 'computed', CanonicalTensors>> {
  const all = [...tensors];
  return {
    stored: new Map(all.filter(([, tensor]) => !tensor.computed)),
    computed: new Map(all.filter(([, tensor]) => tensor.computed)),
  };
}

/** The store with the tables beside it, each computed when it is first asked for. */
export function withTables(store: WeightStore, tables: CanonicalTensors, key: string): WeightStore {
  const made = new Map<string, WeightEntry & { readonly data: Float32Array }>();
  const table = (name: string) => {
    const known = made.get(name);
    const tensor = tables.get(name);
    if (known || !tensor) return known;
    const entry = Object.freeze({ shape: tensor.shape, data: tensor.load() });
    made.set(name, entry);
    return entry;
  };
  return Object.freeze<WeightStore>({
    key,
    names: Object.freeze([...new Set([...store.names, ...tables.keys()])]),
    entry: (name) => table(name) ?? store.entry(name),
    read: (name) => table(name)?.data ?? store.read(name),
    check: () => store.check?.(),
  });
}
