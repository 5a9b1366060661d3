import { describe, expect, it } from 'vitest';
import { buildGraph } from '../../graph/build.js';
import { maskFromEdges } from '../../graph/circuit.js';
import { floatTensor } from '../../tensor/tensor.js';
import { countingBackend } from '../../testing/counting-backend.js';
import { TINY, tinyPrompts, tinyTransformer } from '../../testing/tiny-transformer.js';
import { createPatchableModel } from '../engine.js';
import type { ConstantPatch } from '../requests/ablations.js';
import type { ConstantGradientRequest } from '../requests/patchable-model.js';

const model = tinyTransformer({ layers: 1 });
const graph = buildGraph(model.spec.layout);
const BATCH = tinyPrompts(3);
const mask = maskFromEdges(graph, [1, 3], { inside: 0.25, outside: 1 });
const targets = floatTensor(
  Float32Array.from({ length: 3 * TINY.vocabulary }, (_, i) => Math.sin(i)),
  [3, TINY.vocabulary],
);
type Own = ConstantGradientRequest['objective'];
const MSE: Own = { kind: 'mse', tokenFunction: 'logit', targets };
const open = (microBatchTokens?: number) =>
  createPatchableModel({
    model,
    graph,
    backend: countingBackend().backend,
    ...(microBatchTokens ? { microBatchTokens } : {}),
  });

describe('constants', () => {
  it('begin at the means over prompts and positions of several batches, weighed by their tokens', async () => {
    const patchable = await open();
    const [two, three] = [tinyPrompts(2, 4), tinyPrompts(3, 2)];
    const { values } = await patchable.constantMeans([two, three], 'corrupt');
    const sums = new Float64Array(TINY.dModel);
    for (const batch of [two, three]) {
      const { data } = await patchable.sourceOutputs(batch, 'corrupt'); // [sources, prompts, pos, dModel], the embedding first
      const count = batch.prompts.length * batch.length * TINY.dModel;
      for (let i = 0; i < count; i++) sums[i % TINY.dModel]! += data[i]! / 14;
    }
    expect(values.start!.shape).toEqual([1, TINY.dModel]);
    for (const [i, sum] of sums.entries()) expect(values.start!.data[i]).toBeCloseTo(sum, 6);
  });

  it('have the slope that the loss has when they are moved', async () => {
    const patchable = await open();
    const patch = await patchable.constantMeans([BATCH], 'corrupt');
    const request = { input: 'clean', patch, mask, objective: MSE } as const;
    const { loss, gradients } = await patchable.constantGradient(BATCH, request);
    const lossAt = async (site: string, place: number, step: number): Promise<number> => {
      const { shape, data } = patch.values[site]!;
      const moved = floatTensor(
        data.map((x, i) => (i === place ? x + step : x)),
        shape,
      );
      const own: ConstantPatch = { kind: 'constant', values: { ...patch.values, [site]: moved } };
      return (await patchable.constantGradient(BATCH, { ...request, patch: own })).loss;
    };
    expect(loss).toBeGreaterThan(0);
    const STEP = 1e-2; // constants are float32: rounding of 1e-7/1e-2, curvature of a step squared
    for (const [site, own] of Object.entries(gradients)) {
      for (const place of [0, own.length - 1]) {
        const slope = ((await lossAt(site, place, STEP)) - (await lossAt(site, place, -STEP))) / (2 * STEP);
        expect(Math.abs(own[place]! - slope), `${site}, ${place}`).toBeLessThan(1e-3 * Math.max(1, Math.abs(slope)));
      }
    }
    expect(Object.values(gradients).some((own) => own.some((x) => Math.abs(x) > 1e-2))).toBe(true);
  });

  it('have a loss of their own for each token function, asked for one after the other', async () => {
    // both objectives are `mse`: a key of programs that did not name the token function would give the first one's loss again
    const patchable = await open();
    const patch = await patchable.constantMeans([BATCH], 'corrupt');
    const { data } = await patchable.patchedRun(BATCH, { input: 'clean', patch, mask });
    const byHand = (of: (row: Float32Array) => readonly number[]): number => {
      let sum = 0;
      for (let p = 0; p < 3; p++) {
        const range = [p * TINY.vocabulary, (p + 1) * TINY.vocabulary] as const;
        const goal = targets.data.subarray(...range);
        sum += of(data.subarray(...range)).reduce((total, x, i) => total + (x - goal[i]!) ** 2, 0);
      }
      return sum / (3 * TINY.vocabulary);
    };
    const softmax = (row: Float32Array): number[] => {
      const exps = [...row].map(Math.exp);
      const total = exps.reduce((a, b) => a + b);
      return exps.map((x) => x / total);
    };
    const lossOf = async (objective: Own) =>
      (await patchable.constantGradient(BATCH, { input: 'clean', patch, mask, objective })).loss;
    expect(await lossOf(MSE)).toBeCloseTo(
      byHand((row) => [...row]),
      5,
    );
    expect(await lossOf({ ...MSE, tokenFunction: 'prob' })).toBeCloseTo(byHand(softmax), 5);
  });

  it('do not depend on micro-batches', async () => {
    const [whole, cut] = [await open(), await open(3)];
    const patch = await whole.constantMeans([BATCH], 'corrupt');
    const request = { input: 'clean', patch, mask, objective: MSE } as const;
    const [a, b] = [await whole.constantGradient(BATCH, request), await cut.constantGradient(BATCH, request)];
    expect(b.loss).toBeCloseTo(a.loss, 10);
    for (const [site, own] of Object.entries(a.gradients)) {
      for (const [i, x] of own.entries()) expect(b.gradients[site]![i]).toBeCloseTo(x, 6);
    }
  });
});
