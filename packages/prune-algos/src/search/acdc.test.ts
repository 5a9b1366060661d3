import { createPatchableModel, interpreterBackend } from '@auto-circuit/core';
import { buildGraph, flattenScores, type Prompt, type PruneAlgoContext, parseOptions } from '@auto-circuit/core/plugin';
import { microModel } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { type AcdcSettings, acdc, acdcOrder, acdcSearch } from '../index.js';

/**
 * One head with w = (2, −1): the output is x + w∘x. Edges: 0 Resid Start->B0.0, 1 Resid Start->Resid End, 2 B0.0->Resid End.
 * Patching changes the output by w∘d (0, or 2, or both) and d (1), d = corrupt − clean.
 */
const PROMPTS: readonly Prompt[] = [
  { index: 0, clean: [[1, 0]], corrupt: [[0, 1]], answers: [0], wrongAnswers: [1] }, // d = (−1, 1), w∘d = (−2, −1), both (−3, 0)
  { index: 1, clean: [[1, 1]], corrupt: [[3, 0]], answers: [1], wrongAnswers: [0] }, // d = (2, −1), w∘d = (4, 1)
];

async function withContext<T>(use: (context: PruneAlgoContext) => Promise<T>): Promise<T> {
  const object = microModel([[[2, -1]]]);
  const graph = buildGraph(object.spec.layout);
  const model = await createPatchableModel({ model: object, graph, backend: interpreterBackend() });
  try {
    return await use({
      model,
      graph,
      batches: PROMPTS.map((prompt) => ({ prompts: [prompt], length: 1 })),
      objective: { kind: 'kl' },
      patch: { kind: 'resample', from: 'corrupt' },
      seed: 0,
      progress: { report: () => undefined },
    });
  } finally {
    await model.dispose();
  }
}
const search = (settings: Partial<AcdcSettings>) =>
  withContext((context) =>
    acdcSearch(context, { faithfulness: 'mse', prompts: 'first-batch', taus: [0.5, 2, 4], ...settings }),
  );
const removed = async (settings: Partial<AcdcSettings>) =>
  (await search(settings)).perTau.map((at) => [at.removed, at.distance]);

describe('acdc', () => {
  it('visits the last layer first, and each layer in canonical order', async () => {
    const order = await withContext(async ({ graph }) => acdcOrder(graph));
    expect(order).toEqual([1, 2, 0]);
  });
  it('removes edges while the distance grows by less than tau', async () => {
    // ½: 1 costs 1, 2 costs 5/2, 0 costs 5/2 · 2: 1 costs 1; then 2 or 0 cost 9/2 − 1 · 4: 1, 2 (7/2), and 0 costs nothing
    expect(await removed({})).toEqual([
      [[], 0],
      [[1], 1],
      [[1, 2, 0], 4.5],
    ]);
    await withContext(async (context) => {
      const options = parseOptions(acdc.options, { faithfulness: 'mse', taus: '2, 0.5,4' }, 'test');
      const { scores } = await acdc.score(context, options);
      expect([...flattenScores(context.graph, scores)]).toEqual([4, 2, 4]);
      const never = await acdc.score(context, parseOptions(acdc.options, { faithfulness: 'mse', taus: '2' }, 'test'));
      expect([...flattenScores(context.graph, never.scores)]).toEqual([Infinity, 2, Infinity]);
    });
  });
  it('takes an order of the caller', async () => {
    // 0 costs 5/2, then 2 nothing, then 1 another 2
    expect(await removed({ order: [0, 2, 1], taus: [3] })).toEqual([[[0, 2, 1], 4.5]]);
    expect(await removed({ order: [2], taus: [3] })).toEqual([[[2], 2.5]]);
  });
  it('looks at the first batch, or at all prompts', async () => {
    expect(await removed({ taus: [1.5] })).toEqual([[[1], 1]]);
    // on both prompts 1 costs (1 + 5/2)/2; 2 and 0 cost (5/2 + 17/2)/2
    expect(await removed({ taus: [1.5], prompts: 'all' })).toEqual([[[], 0]]);
    expect(await removed({ taus: [1.8], prompts: 'all' })).toEqual([[[1], 1.75]]);
  });
  it('measures KL from the clean output', async () => {
    // clean logits (3, 0), with edge 1 patched (2, 1)
    const p = 1 / (1 + Math.exp(-3));
    const loss = (z: number): number => Math.log(1 + Math.exp(-z));
    const kl = p * (loss(1) - loss(3)) + (1 - p) * (loss(-1) - loss(-3));
    const [at] = (await search({ faithfulness: 'kl', order: [1], taus: [1] })).perTau;
    expect(Math.abs(at!.distance - kl)).toBeLessThan(1e-14);
  });
  it('refuses thresholds and orders that make no search', async () => {
    await expect(search({ taus: [] })).rejects.toMatchObject({ code: 'invalid-option', fields: { option: 'taus' } });
    await expect(search({ order: [1, 1] })).rejects.toMatchObject({
      code: 'duplicate-edge',
      fields: { name: 'Resid Start->Resid End' },
    });
    await expect(search({ order: [3] })).rejects.toThrow(/no edge with this number/);
    await withContext(async (context) => {
      const options = parseOptions(acdc.options, { taus: '0.1,x' }, 'test');
      await expect(acdc.score(context, options)).rejects.toMatchObject({
        code: 'invalid-option',
        fields: { option: 'taus', got: 'x' },
      });
    });
  });
});
