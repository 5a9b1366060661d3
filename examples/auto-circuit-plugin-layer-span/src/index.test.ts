import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildGraph, edgesByName, makeCircuit } from '@auto-circuit/core';
import { unflattenScores } from '@auto-circuit/core/plugin';
import { runContract, scoreMetricContract } from '@auto-circuit/core/testing';
import { layerSpan } from './index.js';

runContract('layer-span', scoreMetricContract(layerSpan), { describe, it });

describe('what is its own', () => {
  it('counts layers, and shows which', () => {
    const graph = buildGraph({ kind: 'staged', layers: 2, heads: 2, dModel: 2 });
    const edges = ['Resid Start->Resid End', 'B0.1->B1.0'].flatMap((name) => edgesByName(graph, name));
    const scores = unflattenScores(graph, new Float32Array(graph.edgeCount));
    const { value, figures } = layerSpan.measure(
      { graph, scores, circuit: makeCircuit(graph, edges), known: null },
      {},
    );
    assert.equal(value, (3 + 1) / 2);
    const [figure] = figures!;
    assert.ok(figure?.kind === 'heat-map');
    assert.deepEqual(figure.values, [
      [0, 0, 0, 1],
      [0, 0, 1, 0],
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ]);
  });
});
