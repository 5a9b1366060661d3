import { describe, expect, it } from 'vitest';
import { blocksBySite } from '../../graph/site-blocks.js';
import { graphOf } from '../../testing/patched-logits.js';
import { tinyTransformer } from '../../testing/tiny-transformer.js';
import { denseEdgeSumGroups, edgeSumGroupOf, edgeSumGroups } from './edge-sum-groups.js';

describe('edgeSumGroups', () => {
  const graph = graphOf(tinyTransformer());
  it('puts what reads one row after the heads before it', () => {
    expect(edgeSumGroups(graph, blocksBySite(graph).keys())).toEqual([
      { leader: 'L0.attn', followers: ['L0.mlp'] },
      { leader: 'L1.attn', followers: ['L1.mlp', 'end'] },
    ]);
  });
  it('lets the first site lead where a run starts without heads', () => {
    const groups = edgeSumGroups(graph, ['L0.mlp', 'L1.attn', 'L1.mlp', 'end']);
    expect(groups.map(({ leader }) => leader)).toEqual(['L0.mlp', 'L1.attn']);
    expect(edgeSumGroupOf(groups, 'L0.mlp')).toBe(groups[0]);
    expect(edgeSumGroupOf(groups, 'end')).toBe(groups[1]);
  });
});

describe('denseEdgeSumGroups', () => {
  const groupsOf = (shape: { layers: number; heads: number; kvHeads: number }) => {
    const graph = graphOf(tinyTransformer(shape));
    return denseEdgeSumGroups(graph, blocksBySite(graph).keys()).map(({ leader, followers }) => [leader, ...followers]);
  };
  it('has the heads of later layers follow where a leader reads twice as many sources as they have rows', () => {
    // 3 rows for the head, 1 + 2 · layer sources before it: from 2 · 3 on, at layer 3, others follow
    expect(groupsOf({ layers: 6, heads: 1, kvHeads: 1 })).toEqual([
      ['L0.attn', 'L0.mlp'],
      ['L1.attn', 'L1.mlp'],
      ['L2.attn', 'L2.mlp'],
      ['L3.attn', 'L3.mlp', 'L4.attn', 'L4.mlp', 'L5.attn', 'L5.mlp', 'end'],
    ]);
  });
  it('stops where a product has rows enough', () => {
    // 13 rows a layer: nine layers are 117 rows, ten would be 130; 24 sources are there from layer 5 on
    const groups = groupsOf({ layers: 16, heads: 4, kvHeads: 4 });
    expect(groups.slice(0, 5).every((group) => group.length === 2)).toBe(true);
    expect(groups.slice(5).map((group) => group.length)).toEqual([18, 5]);
  });
});
