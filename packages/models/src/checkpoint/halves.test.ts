/** @file Weights of 16 bits in the cache: the same numbers as in float32, in half the bytes. */
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { widened } from '@auto-circuit/core/backend';
import { openSafetensors, writeSafetensors } from '@auto-circuit/core/run';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gpt2Recipe } from '../recipes/gpt2.js';
import { type HalfName, narrowed } from './halves.js';
import { loadWeights } from './weight-cache.js';

const original = fileURLToPath(new URL('../../test-data/attnonly_2l3h', import.meta.url));
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'halves-'));
  cpSync(original, join(root, 'model'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

/** The model with all numbers rounded to what both dtypes have, as a file of that dtype. */
async function writeHalves(dtype: HalfName): Promise<void> {
  const file = openSafetensors(join(original, 'model.safetensors'));
  const sources = [...file.tensors].map(([name, { shape }]) => {
    const numbers = Float32Array.from(file.read(name), (x) => Math.round(x * 128) / 128);
    return { name, shape, dtype, data: narrowed(numbers, dtype)! };
  });
  await writeSafetensors(join(root, 'model', 'model.safetensors'), sources);
}
const load = (keepHalves: boolean, recipe = gpt2Recipe, process: 'all' | 'none' = 'none') =>
  loadWeights(join(root, 'model'), recipe, process, {
    ...{ cacheDir: join(root, `cache-${keepHalves}`), memoryLimitBytes: 0, keepHalves },
    onWarning: () => undefined,
  });
const cachedBytes = (keepHalves: boolean): number => {
  const folder = join(root, `cache-${keepHalves}`, 'weights');
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
};

describe.each([
  ['BF16', 'bfloat16'],
  ['F16', 'float16'],
] as const)('a checkpoint of %s', (name, dtype) => {
  it('keeps its matrices as they are, and reads as the same numbers', async () => {
    await writeHalves(name);
    const [halves, floats] = [await load(true), await load(false)];
    for (const tensor of floats.store.names) {
      expect([...halves.store.read(tensor)]).toEqual([...floats.store.read(tensor)]);
      const entry = halves.store.entry(tensor);
      expect('file' in entry && entry.dtype).toBe(entry.shape.length > 1 ? dtype : undefined);
    }
    expect(cachedBytes(true)).toBeLessThan(0.6 * cachedBytes(false));
    expect((await load(true)).store.names).toEqual(halves.store.names); // from the cache
  });
  it('is converted where weights are processed, or a recipe makes other numbers of them', async () => {
    await writeHalves(name);
    const scaled: typeof gpt2Recipe = {
      ...gpt2Recipe,
      name: 'scaled',
      rules: (...of) =>
        gpt2Recipe.rules(...of).map((rule) => {
          if (rule.name !== 'embed.W') return rule;
          return { ...rule, from: (raw) => rule.from(raw).map((x) => x * 1.1) };
        }),
    };
    for (const { store } of [await load(true, gpt2Recipe, 'all'), await load(true, scaled)])
      for (const tensor of store.names) expect(store.entry(tensor)).not.toHaveProperty('dtype');
  });
});

it('narrows exactly, or not at all', () => {
  const f16 = [0, -0, 1, -2.5, 65504, 2 ** -14, 2 ** -24, -3 * 2 ** -24, 1023 * 2 ** -24, 1 + 2 ** -10];
  const narrow = narrowed(Float32Array.from(f16), 'F16')!;
  expect([...widened(new Uint8Array(narrow.buffer), 'float16')]).toEqual(f16);
  for (const x of [65536, 1 + 2 ** -11, 2 ** -25, 3 * 2 ** -25]) expect(narrowed(Float32Array.of(x), 'F16')).toBeNull();
  const bf16 = [0, 1, -1.0078125, 2 ** 100, 2 ** -130];
  expect([...widened(new Uint8Array(narrowed(Float32Array.from(bf16), 'BF16')!.buffer), 'bfloat16')]).toEqual(bf16);
  expect(narrowed(Float32Array.of(1 + 2 ** -8), 'BF16')).toBeNull();
});
