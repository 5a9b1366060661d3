import { type CheckpointData, flattenScores, parseOptions, type TableFigure } from '@auto-circuit/core/plugin';
import { memoryCheckpoint, pruneAlgoContext } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { exact } from './exact.js';
import { subsetSampling } from './subset-sampling.js';
import { drawnSubset, largestEffect, type SubsetDraw, subsetEffects } from './subset-statistics.js';

const draw = (more: Partial<SubsetDraw> = {}): SubsetDraw => ({ seed: 1, edges: [0, 1, 2], probability: 0.5, ...more });
const options = (given: Record<string, unknown>) => parseOptions(subsetSampling.options, given, 'test');

describe('what losses of random sets say', () => {
  it('draws each edge by itself, by the seed and the number of the set', () => {
    const edges = Array.from({ length: 4000 }, (_, i) => 2 * i);
    const one = drawnSubset(draw({ edges, probability: 0.3 }), 5);
    expect(drawnSubset(draw({ edges, probability: 0.3 }), 5)).toEqual(one);
    expect(drawnSubset(draw({ edges, probability: 0.3 }), 6)).not.toEqual(one);
    expect(drawnSubset(draw({ edges, probability: 0.3, seed: 2 }), 5)).not.toEqual(one);
    expect(one.every((edge, i) => edge % 2 === 0 && (i === 0 || edge > one[i - 1]!))).toBe(true);
    // 5 standard deviations of a binomial count
    expect(Math.abs(one.length - 1200)).toBeLessThan(5 * Math.sqrt(4000 * 0.3 * 0.7));
  });

  it('compares means as Welch does, by hand', () => {
    const sets = [0, 1, 2, 3, 4, 5].map((sample) => drawnSubset(draw({ edges: [7], seed: 3 }), sample).length);
    const losses = [3, 5, 4, 9, 1, 2];
    const [inside, outside] = [1, 0].map((has) => losses.filter((_, i) => sets[i] === has));
    expect(inside!.length).toBeGreaterThan(1);
    expect(outside!.length).toBeGreaterThan(1);
    const mean = (x: number[]) => x.reduce((a, b) => a + b, 0) / x.length;
    const share = (x: number[]) => mean(x.map((y) => (y - mean(x)) ** 2)) / (x.length - 1); // variance of the mean
    const [a, b] = [share(inside!), share(outside!)];
    const [own] = subsetEffects(draw({ edges: [7], seed: 3 }), losses);
    expect(own!.effect).toBeCloseTo(mean(inside!) - mean(outside!), 12);
    expect(own!.standardError).toBeCloseTo(Math.sqrt(a + b), 12);
    expect(own!.freedom).toBeCloseTo(
      (a + b) ** 2 / (a ** 2 / (inside!.length - 1) + b ** 2 / (outside!.length - 1)),
      12,
    );
  });

  it('bounds by the largest upper end: 2.92 standard errors at 95 % with two degrees of freedom', () => {
    const effects = [
      { effect: -1, standardError: 0.5, freedom: 2.9 }, // the t table: 2.920
      { effect: 2, standardError: 0, freedom: 1 },
    ];
    expect(largestEffect([4, 9], effects, 0.95)).toEqual({ edge: 4, bound: expect.closeTo(1 + 0.5 * 2.92, 2) });
    expect(largestEffect([], [], 0.95)).toEqual({ edge: null, bound: 0 });
  });

  it('is too low in no more than 5 of 100 cases', () => {
    // effects that add up, the largest of them alone at the top: the hardest case, as nothing else lifts the bound
    const edges = Array.from({ length: 12 }, (_, i) => i);
    const effects = edges.map((edge) => (edge === 3 ? 1 : 0));
    const cases = 400;
    let missed = 0;
    for (let seed = 0; seed < cases; seed++) {
      const own = draw({ edges, seed });
      const losses = Array.from({ length: 40 }, (_, sample) =>
        drawnSubset(own, sample).reduce((sum, edge) => sum + effects[edge]!, noise(seed, sample)),
      );
      if (largestEffect(edges, subsetEffects(own, losses), 0.95).bound < 1) missed++;
    }
    expect(missed).toBeLessThan(cases * 0.05 + 3 * Math.sqrt(cases * 0.05 * 0.95)); // 3 standard deviations
  });
});

/** Made of many draws, near enough to normal; standard deviation 1. */
const noise = (seed: number, sample: number): number =>
  drawnSubset({ seed: seed + 10_000, edges: Array.from({ length: 64 }, (_, i) => i), probability: 0.5 }, sample)
    .length /
    4 -
  8;

describe('subset sampling', () => {
  it('comes to what patching each edge does where effects add up, and its bound holds', async () => {
    // few edges of a set: effects nearly add up
    const { context, dispose } = await pruneAlgoContext({ graph: { positions: 2 }, batches: [3, 2], lengths: [2, 2] });
    const { graph } = context;
    const truth = flattenScores(graph, (await exact.score(context, {})).scores);
    const strongest = [...truth.keys()].sort((a, b) => Math.abs(truth[b]!) - Math.abs(truth[a]!));
    const result = await subsetSampling.score(context, options({ samples: 600, probability: 0.04 }));
    const flat = flattenScores(graph, result.scores);
    const table = result.figures![0] as TableFigure;
    const [count, sets, bound] = table.rows[0] as number[];
    expect([count, sets]).toEqual([graph.edgeCount, 600]);
    expect(bound).toBeGreaterThan(Math.abs(truth[strongest[0]!]!));
    const correlation = cosine([...flat], [...truth]);
    expect(correlation).toBeGreaterThan(0.9);
    await dispose();
  });

  it('leaves edges that are known alone, and bounds the others', async () => {
    const { context, dispose } = await pruneAlgoContext({});
    const names = 'B1.1->Resid End, B0.0->Resid End, Resid Start->B0.0';
    const result = await subsetSampling.score(
      context,
      options({ edges: names, top: 2, samples: 64, probability: 0.5 }),
    );
    const flat = flattenScores(context.graph, result.scores);
    expect([...flat].filter((score) => score === 0)).toHaveLength(2);
    expect((result.figures![0] as TableFigure).rows[0]![0]).toBe(context.graph.edgeCount - 2);
    await dispose();
  });

  it('refuses what says nothing', async () => {
    const { context, dispose } = await pruneAlgoContext({});
    const all =
      'Resid Start->B0.0,Resid Start->B0.1,Resid Start->B1.0,Resid Start->B1.1,B0.0->B1.0,B0.0->B1.1,B0.1->B1.0,B0.1->B1.1,Resid Start->Resid End,B0.0->Resid End,B0.1->Resid End,B1.0->Resid End,B1.1->Resid End';
    await expect(subsetSampling.score(context, options({ edges: all }))).rejects.toMatchObject({
      code: 'invalid-option',
      fields: { option: 'edges', got: 13 },
    });
    await expect(subsetSampling.score(context, options({ top: 3 }))).rejects.toMatchObject({ code: 'missing-option' });
    await expect(subsetSampling.score(context, options({ samples: 4, probability: 0.01 }))).rejects.toMatchObject({
      code: 'invalid-option',
      fields: { option: 'samples', got: 4 },
    });
    await dispose();
  });

  it('goes on from no damaged checkpoint', async () => {
    const { context, dispose } = await pruneAlgoContext({});
    const given = options({ samples: 32, probability: 0.5 });
    const checkpoint = memoryCheckpoint();
    const controller = new AbortController();
    const report = (done: number): void => {
      if (done === 16) controller.abort();
    };
    const stopped = subsetSampling.score(
      { ...context, checkpoint, signal: controller.signal, progress: { report } },
      given,
    );
    await expect(stopped).rejects.toThrow(/abort/i);
    const saved = (await checkpoint.load())!;
    expect(saved.state.done).toBe(16);
    const from = (data: CheckpointData) =>
      subsetSampling.score({ ...context, checkpoint: { load: async () => data, save: async () => undefined } }, given);
    expect(await from(saved)).toEqual(await subsetSampling.score(context, given));
    const changed = (state: object, losses: Float64Array | null) =>
      from({ state: { ...saved.state, ...state }, arrays: losses ? { losses } : {} } as CheckpointData);
    for (const [state, losses] of [
      [{ done: 15 }, saved.arrays.losses!.slice(0, 15)],
      [{ done: 40 }, saved.arrays.losses!],
      [{}, saved.arrays.losses!.slice(0, 8)],
      [{}, saved.arrays.losses!.with(3, Number.NaN)],
      [{}, null],
    ] as const)
      await expect(changed(state, losses)).rejects.toMatchObject({ code: 'wrong-checkpoint' });
    await dispose();
  });
});

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
