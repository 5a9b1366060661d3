/** @file Every family in exact arithmetic, and ioi-mini on onnxruntime: the same scores and runs piece by piece and as one program. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { onnxBackend } from '@auto-circuit/backend-onnx';
import {
  type Backend,
  buildGraph,
  createPatchableModel,
  type FloatArray,
  interpreterBackend,
  type Mask,
  openSafetensors,
  type PromptBatch,
  type Tensor,
} from '@auto-circuit/core';
import { loadModel } from '@auto-circuit/models';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../models/test-data/families/', import.meta.url));

/**
 * Of the largest number. What pieces hand on is float32, a dozen roundings of 2⁻²⁴ on a path, of either sign; on onnxruntime sums
 * are float32 too and are taken in another order, a few hundred roundings.
 */
const EXACT = 1e-6;
const FLOAT32 = 256 * 2 ** -24;

/** Each prompt's own tokens, and the next one's as the corrupt ones. */
function batchOf(data: readonly number[], [prompts, length]: readonly number[]): PromptBatch {
  const rows = Array.from({ length: prompts! }, (_, i) => data.slice(i * length!, (i + 1) * length!));
  return {
    length: length!,
    prompts: rows.map((clean, index) => ({
      ...{ index, clean, corrupt: rows[(index + 1) % rows.length]! },
      ...{ answers: [1], wrongAnswers: [2] },
    })),
  };
}

const largest = (numbers: readonly number[]): number => numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
const flat = (tensors: Readonly<Record<string, Tensor<FloatArray>>>): number[] =>
  Object.keys(tensors)
    .sort()
    .flatMap((name) => [...tensors[name]!.data]);

/** Every third edge patched, of the shapes that scores have. */
function thirds(scores: Readonly<Record<string, Tensor<Float32Array>>>): Mask {
  const tensors = Object.entries(scores).map(([name, { dtype, shape, data }]) => {
    const own = shape.slice(1);
    const count = data.length / shape[0]!;
    return [
      name,
      { dtype, shape: own, data: Float32Array.from({ length: count }, (_, i) => (i % 3 === 0 ? 1 : 0)) },
    ] as const;
  });
  return { perItem: false, tensors: Object.fromEntries(tensors) };
}

async function numbersOf(folder: string, batch: PromptBatch, backend: Backend, pieces: boolean) {
  const { model } = await loadModel(folder, { process: 'none' });
  const graph = buildGraph(model.spec.layout);
  const patchable = await createPatchableModel({ model, graph, backend, pieces });
  const request = { input: 'clean', patch: { kind: 'resample', from: 'corrupt' } } as const;
  const objective = { kind: 'answers', tokenFunction: 'logit', value: 'diff' } as const;
  const { tensors } = await patchable.maskGradient(batch, { ...request, objective });
  const { data } = await patchable.patchedRun(batch, { ...request, mask: thirds(tensors) });
  await patchable.dispose();
  return { scores: flat(tensors), logits: [...data] };
}

async function expectSame(folder: string, batch: PromptBatch, backend: Backend, relative: number): Promise<void> {
  const whole = await numbersOf(folder, batch, backend, false);
  const pieces = await numbersOf(folder, batch, backend, true);
  await backend.dispose();
  for (const kind of ['scores', 'logits'] as const) {
    const differences = pieces[kind].map((x, i) => x - whole[kind][i]!);
    expect(largest(whole[kind])).toBeGreaterThan(0);
    expect(largest(differences) / largest(whole[kind]), kind).toBeLessThan(relative);
  }
}

it.each(readdirSync(root))('%s', async (name) => {
  const expected = openSafetensors(`${root}${name}/expected.safetensors`);
  const tokens = Array.from(expected.read('tokens') as ArrayLike<number>, Number);
  const batch = batchOf(tokens, expected.tensors.get('tokens')!.shape);
  await expectSame(`${root}${name}`, batch, interpreterBackend({ precision: 'float64' }), EXACT);
});

it('ioi-mini', async () => {
  const tokens = Array.from({ length: 4 * 15 }, (_, i) => 1 + ((i * 37) % 90));
  await expectSame('ioi-mini', batchOf(tokens, [4, 15]), await onnxBackend({ threads: 1 }), FLOAT32);
});
