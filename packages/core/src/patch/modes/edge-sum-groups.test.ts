import { describe, expect, it } from 'vitest';
import { blocksBySite } from '../../graph/site-blocks.js';
import { graphOf } from '../../testing/patched-logits.js';
import { tinyTransformer } from '../../testing/tiny-transformer.js';
import { edgeSumGroupOf, edgeSumGroups } from './edge-sum-groups.js';

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
