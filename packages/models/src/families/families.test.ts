/** @file Logits of each family against those of Hugging Face transformers, on small random checkpoints, from both forms of config. */
import {
  buildGraph,
  createPatchableModel,
  interpreterBackend,
  type ModelObject,
  openSafetensors,
} from '@auto-circuit/core';
import { describe, expect, it } from 'vitest';
import { FAMILY_DATA, familyFolders, folderModel } from './folder-models.js';

/**
 * Both sides compute in float64 from the same float32 weights; only rotary tables are rounded to float32 (2⁻²⁴ of 1), twice in
 * each score, and some of transformers' models round norms, scores or softmaxes, which is no more. Scores here stay below 30 and
 * what follows a softmax moves by at most its input's error: 30 · 2 · 2⁻²⁴ = 4e-6, times the few layers.
 */
const TOLERANCE = 2e-5;
/** Where transformers computes everything in float32: two layers of some 8 products over 16 numbers below 10, 2⁻²⁴ · 10 · 16 · 16. */
const FLOAT32_TOLERANCE = 1.5e-4;

async function logitsOf(model: ModelObject, tokens: readonly (readonly number[])[]): Promise<Float32Array> {
  const graph = buildGraph(model.spec.layout);
  const patchable = await createPatchableModel({ model, graph, backend: interpreterBackend({ precision: 'float64' }) });
  const length = tokens[0]!.length;
  const input = { dtype: 'int', shape: [tokens.length, length], data: Int32Array.from(tokens.flat()) } as const;
  const { data } = await patchable.run(input, 'all'); // [prompts, pos, vocabulary]
  await patchable.dispose();
  return data;
}
/** Each row of `width` numbers less its mean: what a constant for all tokens of a prompt leaves alone. */
const centred = (rows: ArrayLike<number>, width: number): number[] =>
  Array.from(rows, (x, i) => {
    const start = i - (i % width);
    let sum = 0;
    for (let j = 0; j < width; j++) sum += rows[start + j]!;
    return x - sum / width;
  });
const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((largest, x, i) => Math.max(largest, Math.abs(x - b[i]!)), 0);
};

describe.each(familyFolders())('%s', (name) => {
  const folder = `${FAMILY_DATA}${name}`;
  const expected = openSafetensors(`${folder}/expected.safetensors`);
  const [prompts, length] = expected.tensors.get('tokens')!.shape as [number, number];
  const flat = Array.from(expected.read('tokens') as ArrayLike<number | bigint>, Number);
  const tokens = Array.from({ length: prompts }, (_, i) => flat.slice(i * length, (i + 1) * length));
  const logits = expected.read('logits') as Float64Array | Float32Array; // [prompts, pos, vocabulary]
  const tolerance = expected.tensors.get('logits')!.dtype === 'F32' ? FLOAT32_TOLERANCE : TOLERANCE;

  it.each(['config.json', 'config.original.json'])('gives the logits that transformers gives, by %s', async (form) => {
    const ours = await logitsOf(folderModel(name, 'none', form), tokens);
    expect(largestDifference(ours, logits)).toBeLessThan(tolerance);
  });

  it('gives the same with processed weights, but for a constant', async () => {
    const model = folderModel(name, 'all');
    const width = model.spec.outputSize;
    const ours = await logitsOf(model, tokens);
    // a soft cap forbids even the constant
    const capped = !model.processing.includes('center-unembed');
    const error = capped
      ? largestDifference(ours, logits)
      : largestDifference(centred(ours, width), centred(logits, width));
    // folding rounds each product of two weights to float32: up to 2⁻²⁴ of it, over sums of a few dozen
    expect(error).toBeLessThan(5 * tolerance);
  });
});
