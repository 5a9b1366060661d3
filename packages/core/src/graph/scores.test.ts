import { describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { stagedGraph } from '../testing/graphs.js';
import { unflattenScores } from './score-index.js';
import { edgesAbove, thresholdFor, topEdges } from './scores.js';

// 6 edges: 3 into Resid Post 0, 3 into Resid End.
const graph = stagedGraph({ factorized: false });
const scores = unflattenScores(graph, [-3, 1, 0.5, 1, Number.NEGATIVE_INFINITY, -1]);

describe('topEdges', () => {
  it('goes by |score| and keeps whole ties', () => {
    expect(topEdges(graph, scores, 0)).toEqual({ edges: [], requested: 0, count: 0, ties: 0 });
    expect(topEdges(graph, scores, 1)).toEqual({ edges: [4], requested: 1, count: 1, ties: 0 });
    expect(topEdges(graph, scores, 2).edges).toEqual([0, 4]);
    expect(topEdges(graph, scores, 3)).toEqual({ edges: [0, 1, 3, 4, 5], requested: 3, count: 5, ties: 2 });
    expect(topEdges(graph, scores, 5)).toMatchObject({ count: 5, ties: 0 });
    expect(topEdges(graph, scores, 6)).toMatchObject({ count: 6, ties: 0 });
  });

  it('refuses counts that the graph does not have', () => {
    for (const edges of [7, -1, 1.5]) {
      expect(errorOf(() => topEdges(graph, scores, edges))).toMatchObject({
        code: 'invalid-edge-count',
        fields: { edges, edgeCount: 6 },
      });
    }
    expect(errorOf(() => thresholdFor(graph, scores, 0))).toMatchObject({ code: 'invalid-edge-count' });
    expect(() => topEdges(graph, scores, 7)).toThrow(/whole number from 0 to 6, got 7/);
  });
});

describe('edgesAbove', () => {
  it('reaches the threshold', () => {
    expect(edgesAbove(graph, scores, 1)).toEqual([0, 1, 3, 4, 5]);
    expect(edgesAbove(graph, scores, 1.0001)).toEqual([0, 4]);
    expect(edgesAbove(graph, scores, Number.POSITIVE_INFINITY)).toEqual([4]);
    expect(edgesAbove(graph, scores, 0)).toHaveLength(6);
    for (const threshold of [Number.NaN, -1]) {
      expect(errorOf(() => edgesAbove(graph, scores, threshold))).toMatchObject({
        code: 'invalid-threshold',
        fields: { threshold },
      });
    }
  });
});
