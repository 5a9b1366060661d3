import { describe, expect, it } from 'vitest';
import { SMALL_LAYOUT, smallGraph, stagedGraph } from '../testing/graphs.js';
import { attentionOf, innerLinks, reachOf } from './inner-links.js';
import type { Graph } from './types.js';

/** By destination: `SOURCE`, or `SOURCE, moves` where it shows at other positions too. */
const linksOf = (graph: Graph): Record<string, string[]> =>
  Object.fromEntries(
    innerLinks(graph).map((links, index) => [
      graph.destinations[index]!.name,
      links.map(({ source, moves }) => `${source.name}${moves ? ', moves' : ''}`),
    ]),
  );

describe('innerLinks', () => {
  it('leads from the inputs of a head to its output, K and V to other positions too', () => {
    const links = linksOf(smallGraph());
    expect(links['A1.0.Q']).toEqual(['A1.0']);
    expect(links['A1.0.K']).toEqual(['A1.0, moves']);
    expect(links['A1.1.V']).toEqual(['A1.1, moves']);
    expect(links['MLP 1']).toEqual(['MLP 1']);
    expect(links['Resid End']).toEqual([]);
    expect(linksOf(smallGraph({ splitQkv: false }))['A0.1']).toEqual(['A0.1, moves']);
  });

  it('leads from the inputs of a KV head to the query heads of its group, and from Q to one', () => {
    const links = linksOf(smallGraph({ kvInputs: 'kv-head' }, { heads: 4, kvHeads: 2 }));
    expect(links['A0.kv0.K']).toEqual(['A0.0, moves', 'A0.1, moves']);
    expect(links['A0.kv1.V']).toEqual(['A0.2, moves', 'A0.3, moves']);
    expect(links['A0.2.Q']).toEqual(['A0.2']);
  });

  it('leads in the residual graph from the stream to itself and to all that reads it there', () => {
    const links = linksOf(smallGraph({ factorized: false }));
    expect(links['Resid Mid 0']).toEqual(['Resid Mid 0', 'MLP 0']);
    expect(links['Resid Post 0']).toEqual(['Resid Post 0', 'A1.0, moves', 'A1.1, moves']);
    expect(links['Resid End']).toEqual([]);
  });

  it('leads to the heads of a toy model, whose inputs move nothing but through attention', () => {
    expect(linksOf(stagedGraph())['B1.0']).toEqual(['B1.0, moves']);
  });
});

describe('reachOf', () => {
  const [moving, staying] = [true, false].map((moves) => ({ source: smallGraph().sources[0]!, moves }));

  it('causal attention reaches its own and later positions, full attention all', () => {
    const graph = smallGraph({ positions: 3 });
    const causal = reachOf(graph, 'causal');
    expect([0, 1, 2].map((position) => causal(moving!, position))).toEqual([[0, 1, 2], [1, 2], [2]]);
    expect(causal(staying!, 1)).toEqual([1]);
    const full = reachOf(graph, 'full');
    expect(full(moving!, 2)).toEqual([0, 1, 2]);
    expect(full(staying!, 2)).toEqual([2]);
  });

  it('all is one position where edges are shared by all', () => {
    expect(reachOf(smallGraph(), 'causal')(moving!, 0)).toEqual([0]);
  });

  it('goes by the attention of the layout', () => {
    expect(attentionOf(smallGraph())).toBe('causal');
    expect(attentionOf(smallGraph({}, { ...SMALL_LAYOUT, attention: 'full' }))).toBe('full');
    expect(attentionOf(stagedGraph())).toBe('causal');
  });
});
