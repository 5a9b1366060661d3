import { describe, expect, it } from 'vitest';
import { edgeAt } from '../graph/edges.js';
import { unflattenScores } from '../graph/score-index.js';
import type { Measurement } from '../run-folder/schemas.js';
import { stagedGraph } from '../testing/graphs.js';
import { compareCircuit, compareMeasurement, compareScores } from './verify.js';

const graph = stagedGraph();
const N = graph.edgeCount;
const scored = (...first: number[]) =>
  unflattenScores(graph, [...first, ...Array.from({ length: N - first.length }, () => 0)]);

describe('compareScores', () => {
  it('names the edge that differs most, relative to the largest score', () => {
    const far = compareScores(graph, scored(-4, 1, 2), scored(-4, 1.5, 2.25));
    expect(far).toMatchObject({ difference: 0.5, largest: 4, relative: 0.125, agrees: false });
    expect(far.edge).toBe(edgeAt(graph, 1).name);
    expect(compareScores(graph, scored(-4, 1), scored(-4, 1.0003)).agrees).toBe(true); // 0.75e-4 of 4
    expect(compareScores(graph, scored(-4, 1), scored(-4, 1.0005)).agrees).toBe(false); // 1.25e-4
  });
  it('takes ∞ for equal to ∞ only, and all zeros for the same', () => {
    const infinite = scored(Number.POSITIVE_INFINITY, 1);
    expect(compareScores(graph, infinite, infinite)).toMatchObject({ relative: 0, edge: null, agrees: true });
    expect(compareScores(graph, infinite, scored(9, 1))).toMatchObject({ difference: 'inf', agrees: false });
    expect(compareScores(graph, scored(), scored())).toMatchObject({ relative: 0, agrees: true });
    expect(compareScores(graph, scored(), scored(1e-9))).toMatchObject({ relative: 'inf', agrees: false });
  });
});

describe('compareCircuit', () => {
  it('explains edges that change places within rounding, and no others', () => {
    expect(compareCircuit(graph, [0, 1], { scores: scored(5, 4, 3) })).toEqual({
      edges: 2,
      both: 2,
      either: 2,
      unexplained: 0,
      agrees: true,
    });
    // 1 and 2 changed places: by 0.0008 of 4, within 2e-4 × 5; by 0.5, not
    expect(compareCircuit(graph, [0, 1], { scores: scored(5, 3.9992, 4) })).toMatchObject({
      both: 1,
      either: 3,
      agrees: true,
    });
    expect(compareCircuit(graph, [0, 1], { scores: scored(5, 3.5, 4) })).toMatchObject({
      both: 1,
      unexplained: 1,
      agrees: false,
    });
    // greedy: 9 is B0.0->Resid End and 0 leads into B0.0; 10 is B0.1->Resid End, 1 leads into B0.1, with the larger score but later
    const grown = unflattenScores(graph, [3, 7, 0, 0, 0, 0, 0, 0, 0, 5, 1, 0, 0]);
    expect(compareCircuit(graph, [0, 9], { scores: grown }, { select: 'greedy' })).toMatchObject({
      both: 2,
      agrees: true,
    });
    expect(compareCircuit(graph, [9, 10], { scores: grown }, { select: 'greedy' })).toMatchObject({
      both: 1,
      unexplained: 2,
      agrees: false,
    });
    expect(compareCircuit(graph, [9, 10], { scores: unflattenScores(graph, [3, 7, 0, 0, 0, 0, 0, 0, 0, 5, 2.9995, 0, 0]) }, { select: 'greedy' }).agrees).toBe(true); // biome-ignore format: one line
    expect(compareCircuit(graph, [], { scores: scored(5) })).toMatchObject({ both: 0, either: 0, agrees: true });
  });
});

describe('compareMeasurement', () => {
  const kl = (...values: (number | 'inf')[]): Measurement => ({
    metric: 'kl',
    unit: 'nats',
    higherIsBetter: false,
    model: 0,
    empty: 20,
    points: values.map((value, i) => ({ requested: i, edges: i, edgesConnected: i, value })),
  });
  it('allows 1e-4 of the largest value, and says where the worst is', () => {
    expect(compareMeasurement(kl(3, 2), kl(3, 2.001))).toMatchObject({ at: 1, tolerance: 0.002, agrees: true });
    expect(compareMeasurement(kl(3, 2), kl(3, 2.003))).toMatchObject({ at: 1, agrees: false });
    expect(compareMeasurement(kl(3), { ...kl(3), empty: 21 })).toMatchObject({ at: 'empty', difference: 1 });
    expect(compareMeasurement(kl('inf'), kl('inf'))).toMatchObject({ difference: 0, at: 'model', agrees: true });
  });
  it('does not pass over a size that is missing', () => {
    expect(compareMeasurement(kl(3, 2), kl(3))).toMatchObject({ difference: 'inf', at: 1, agrees: false });
    expect(compareMeasurement(kl(3), undefined)).toMatchObject({ difference: 'inf', agrees: false });
  });
});
