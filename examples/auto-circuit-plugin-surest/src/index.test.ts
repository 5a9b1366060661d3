import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildGraph } from '@auto-circuit/core';
import { chooseSelection, unflattenScores } from '@auto-circuit/core/plugin';
import { runContract, selectionContract } from '@auto-circuit/core/testing';
import { surest } from './index.js';

runContract('surest', selectionContract(surest), { describe, it });

describe('what is its own', () => {
  it('puts a small score that is sure before a large one that is not', () => {
    const graph = buildGraph({ kind: 'staged', layers: 2, heads: 2, dModel: 2 });
    const by = (first: number, second: number) =>
      unflattenScores(
        graph,
        Float32Array.from({ length: graph.edgeCount }, (_, e) => [first, second][e] ?? 0.01),
      );
    const input = { graph, scores: by(4, 1), rankBy: 'absolute' } as const;
    const { select } = chooseSelection(surest);
    assert.deepEqual(select({ ...input, standardErrors: by(8, 0.1) }).edges(1), [1]);
    assert.deepEqual(select(input).edges(1), [0]);
  });
});
