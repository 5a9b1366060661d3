import { buildGraph, DEFAULT_GRAPH_OPTIONS, makeCircuit, unflattenScores } from '@auto-circuit/core/plugin';
import { runContract, scoreMetricContract } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { knownOverlap, rocAreaMetric } from './known-circuit.js';

for (const metric of [rocAreaMetric, knownOverlap]) {
  runContract(metric.name, scoreMetricContract(metric), { describe, it });
}
runContract(
  'roc-area, ties counted against it',
  scoreMetricContract(rocAreaMetric, { options: { ties: 'pessimistic' } }),
  {
    describe,
    it,
  },
);

describe('against a known circuit, by hand', () => {
  const graph = buildGraph({ kind: 'staged', layers: 2, heads: 2, dModel: 2 }, DEFAULT_GRAPH_OPTIONS); // 13 edges
  const known = { name: 'three', circuit: makeCircuit(graph, [0, 1, 2]) };

  it('overlap, precision and recall', () => {
    const scores = unflattenScores(graph, new Float32Array(13));
    const circuit = makeCircuit(graph, [1, 2, 3, 4]);
    // shared 1 and 2; in either 0 to 4
    expect(knownOverlap.measure({ graph, scores, circuit, known }, {})).toEqual({
      value: 2 / 5,
      parts: { precision: 2 / 4, recall: 2 / 3 },
    });
  });

  it('the area under ROC: pairs of a known and another edge that the scores put in order', () => {
    const scores = unflattenScores(graph, [9, -8, 1, 5, 5, 0, 0, 0, 0, 0, 0, 0, 0]);
    const circuit = makeCircuit(graph, [0]);
    // of 3 × 10 pairs: 0 and 1 are above all ten others, 2 above the eight zeros: 28
    expect(rocAreaMetric.measure({ graph, scores, circuit, known }, { ties: 'together' }).value).toBeCloseTo(
      28 / 30,
      12,
    );
  });
});
