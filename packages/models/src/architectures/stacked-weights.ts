/** @file Query, key and value weights of a layer as one weight, so that one product gives all three. */
import { elementCount, type WeightEntry, type WeightStore } from '@auto-circuit/core/backend';

const FLOAT_BYTES = 4;
const HALF_BYTES = 2;
/** Weights in memory have to be copied to be joined, which is worth it for small ones only. */
const MOST_NUMBERS_COPIED = 2 ** 24;

/**
 * The store with one more weight in each layer, `L{l}.attn.qkv.W` [3 · heads, dHead, dModel], where the three lie one after the
 * other in a file (nothing is copied), or are small and in memory.
 */
export function stackHeads(weights: WeightStore, layers: number): WeightStore {
  const known = new Set(weights.names);
  const stacked = new Map<string, WeightEntry>();
  for (let l = 0; l < layers; l++) {
    const parts = ['q', 'k', 'v'].map((input) => `L${l}.attn.${input}.W`);
    if (!parts.every((name) => known.has(name))) continue;
    const joined = join(parts.map((name) => weights.entry(name)));
    if (joined) stacked.set(`L${l}.attn.qkv.W`, joined);
  }
  return Object.freeze<WeightStore>({
    key: weights.key,
    names: [...weights.names, ...stacked.keys()],
    entry: (name) => stacked.get(name) ?? weights.entry(name),
    read(name) {
      const entry = stacked.get(name);
      if (!entry) return weights.read(name);
      if ('data' in entry) return entry.data;
      return concatenated(['q', 'k', 'v'].map((input) => weights.read(name.replace('qkv', input))));
    },
    check: () => weights.check?.(),
  });
}

function join(entries: readonly WeightEntry[]): WeightEntry | null {
  const [first] = entries as [WeightEntry];
  if (entries.some(({ shape }) => shape.join() !== first.shape.join())) return null;
  const count = elementCount(first.shape);
  const shape = [entries.length * first.shape[0]!, ...first.shape.slice(1)];
  if ('file' in first) {
    const { file, byteOffset, dtype } = first;
    const bytes = count * (dtype ? HALF_BYTES : FLOAT_BYTES);
    const follows = entries.every(
      (e, i) => 'file' in e && e.file === file && e.dtype === dtype && e.byteOffset === byteOffset + i * bytes,
    );
    return follows ? { ...first, shape } : null;
  }
  const inMemory = entries.flatMap((e) => ('data' in e ? [e.data] : []));
  if (inMemory.length < entries.length || entries.length * count > MOST_NUMBERS_COPIED) return null;
  return { shape, data: concatenated(inMemory) };
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
