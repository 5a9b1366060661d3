import {
  buildGraph,
  createPatchableModel,
  type Graph,
  interpreterBackend,
  makeCircuit,
  type Prompt,
  unflattenScores,
} from '@auto-circuit/core';
import { microModel } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import {
  knockoutsAbove,
  overlapMatrix,
  rankCorrelation,
  rocArea,
  rocCurve,
  rocPointAt,
  sameUnderKnockouts,
  topOverlap,
} from '../index.js';

/** Two heads in one layer: 5 edges. */
const graph: Graph = buildGraph({ kind: 'staged', layers: 1, heads: 2, dModel: 2 });
const scored = (...values: number[]) => unflattenScores(graph, Float64Array.from(values));
const pairs = (points: ReturnType<typeof rocCurve>) => points.map((p) => [p.falsePositiveRate, p.truePositiveRate]);

describe('ROC', () => {
  it('goes through the edges by |score|', () => {
    const scores = scored(-5, 4, 3, 2, -1); // order 0 1 2 3 4; edges 0 and 3 are true
    expect(pairs(rocCurve(graph, scores, [0, 3]))).toEqual([
      [0, 0], [0, 0.5], [1 / 3, 0.5], [2 / 3, 0.5], [2 / 3, 1], [1, 1],
    ]); // biome-ignore format: points
    expect(rocArea(rocCurve(graph, scores, [0, 3]))).toBeCloseTo(2 / 3, 14); // ⅔ · ½ + ⅓ · 1
    expect(rocPointAt(graph, scores, [0, 3], 2)).toEqual({ falsePositiveRate: 1 / 3, truePositiveRate: 0.5 });
    expect(rocPointAt(graph, scores, [0, 3], 0)).toEqual({ falsePositiveRate: 0, truePositiveRate: 0 });
  });
  it('takes ties together, or the false edges first', () => {
    const scores = scored(1, Infinity, -1, 1, Infinity); // {1, 4} at ∞, then {0, 2, 3}
    expect(pairs(rocCurve(graph, scores, [0, 4]))).toEqual([[0, 0], [1 / 3, 0.5], [1, 1]]); // biome-ignore format: points
    expect(rocArea(rocCurve(graph, scores, [0, 4]))).toBeCloseTo(1 / 12 + 1 / 2, 14);
    const worst = rocCurve(graph, scores, [0, 4], { ties: 'pessimistic' });
    expect(pairs(worst)).toEqual([[0, 0], [1 / 3, 0], [1 / 3, 0.5], [1, 0.5], [1, 1]]); // biome-ignore format: points
    expect(rocArea(worst)).toBeCloseTo(1 / 3, 14);
  });
  it('needs edges inside and outside', () => {
    expect(() => rocCurve(graph, scored(1, 2, 3, 4, 5), [])).toThrow(
      expect.objectContaining({ code: 'undefined-metric', fields: { metric: 'roc', edges: 0, edgeCount: 5 } }),
    );
    expect(() => rocCurve(graph, scored(1, 2, 3, 4, 5), [0, 1, 2, 3, 4])).toThrow(
      expect.objectContaining({ code: 'undefined-metric', fields: { metric: 'roc', edges: 5, edgeCount: 5 } }),
    );
  });
});

describe('overlap', () => {
  it('counts what the top edges share, and says where ties forbid a cut', () => {
    const a = scored(5, -4, 3, 2, 1);
    const b = scored(1, 5, 5, 2, 2);
    expect(topOverlap(graph, a, b, 2)).toEqual({ edges: 2, share: 0.5, jaccard: 1 / 3, ties: [0, 0] });
    expect(topOverlap(graph, a, b, 3)).toEqual({ edges: 3, share: null, jaccard: 2 / 5, ties: [0, 1] });
    expect(topOverlap(graph, a, a, 3).share).toBe(1);
    expect(overlapMatrix(graph, [a, b], 3)).toEqual([[1, 2 / 5], [2 / 5, 1]]); // biome-ignore format: one line
    expect(overlapMatrix(graph, [a, b], 0)).toEqual([[1, 1], [1, 1]]); // biome-ignore format: one line
  });
  it('correlates ranks', () => {
    const a = scored(1, 2, 3, 4, 5);
    expect(rankCorrelation(graph, a, scored(2, -4, 6, 8, 100))).toBeCloseTo(1, 14);
    expect(rankCorrelation(graph, a, scored(5, 4, 3, 2, 1))).toBeCloseTo(-1, 14);
    // ranks 1.5 1.5 3.5 3.5 5: Σ dx dy = 3 + 1.5 + 0 + 0.5 + 4, Σ dx² = 10, Σ dy² = 2·2.25 + 2·0.25 + 4
    expect(rankCorrelation(graph, a, scored(1, 1, 2, 2, 3))).toBeCloseTo(9 / Math.sqrt(10 * 9), 14);
    expect(rankCorrelation(graph, a, scored(1, 1, 1, 1, 1))).toBeNull();
  });
});

describe('completeness', () => {
  it('compares model and circuit without the same edges', async () => {
    // One head, w = (2, −1), x = (1, 0) → (3, 0); d = (−1, 1), w∘d = (−2, −1). Edges: 0 start→head, 1 start→end, 2 head→end.
    const object = microModel([[[2, -1]]]);
    const model = await createPatchableModel({
      model: object,
      graph: buildGraph(object.spec.layout),
      backend: interpreterBackend(),
    });
    const prompt: Prompt = { index: 0, clean: [[1, 0]], corrupt: [[0, 1]], answers: [0], wrongAnswers: [1] };
    const circuit = makeCircuit(model.graph, [1, 2]);
    const request = {
      model,
      batches: [{ prompts: [prompt], length: 1 }],
      circuit,
      ablation: { ablation: 'resample', ablateFrom: 'corrupt' },
      patch: { kind: 'resample', from: 'corrupt' },
    } as const;
    const result = await sameUnderKnockouts({ ...request, knockouts: [1] });
    // model (3, 0) against circuit (1, −1); without edge 1: (2, 1) against (0, 0)
    const kl = (z: number, y: number): number => {
      const loss = (t: number): number => Math.log(1 + Math.exp(-t));
      const p = 1 / (1 + Math.exp(-z));
      return p * (loss(y) - loss(z)) + (1 - p) * (loss(-y) - loss(-z));
    };
    expect(result.knockouts).toBe(1);
    expect(Math.abs(result.normal.value - kl(3, 2))).toBeLessThan(1e-14);
    expect(Math.abs(result.knockedOut.value - kl(1, 0))).toBeLessThan(1e-14);
    await expect(sameUnderKnockouts({ ...request, knockouts: [0] })).rejects.toMatchObject({
      code: 'circuit-mismatch',
      fields: { edge: 0 },
    });
    const scores = unflattenScores(model.graph, Float64Array.of(9, -2, 1));
    expect(knockoutsAbove(circuit, scores, 1.5)).toEqual([1]);
    await model.dispose();
  });
});
