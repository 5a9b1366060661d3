import { describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { SMALL_LAYOUT, smallGraph } from '../testing/graphs.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from './build.js';
import { allEdges, edgesByName } from './edges.js';
import { sumToKvHeads } from './kv-inputs.js';
import { flattenScores, unflattenScores } from './score-index.js';
import type { GraphLayout, TransformerLayout } from './types.js';

const GROUPED: TransformerLayout = { ...SMALL_LAYOUT, heads: 4, kvHeads: 2 };

describe('sumToKvHeads', () => {
  it.each([null, 2])('adds the K and V scores of a group (positions: %s)', (positions) => {
    const graph = smallGraph({ positions }, GROUPED);
    const flat = Float64Array.from({ length: graph.edgeCount }, (_, i) => i * i + 1);
    const result = sumToKvHeads(graph, unflattenScores(graph, flat));
    const got = flattenScores(result.graph, result.scores);
    expect(result.graph.options.kvInputs).toBe('kv-head');
    for (const { name, number, destination } of allEdges(result.graph)) {
      const [, layer, kv] = /^A(\d+)\.kv(\d+)/.exec(destination.name) ?? [];
      const heads = kv === undefined ? [''] : [2 * Number(kv), 2 * Number(kv) + 1];
      const parts = heads.map((head) => edgesByName(graph, name.replace(`A${layer}.kv${kv}`, `A${layer}.${head}`))[0]!);
      expect(got[number]).toBe(parts.reduce((sum, part) => sum + flat[part]!, 0));
    }
  });

  it('refuses graphs without such inputs', () => {
    const sum = (layout: GraphLayout, options = DEFAULT_GRAPH_OPTIONS) => {
      const graph = buildGraph(layout, options);
      return () => sumToKvHeads(graph, unflattenScores(graph, new Float64Array(graph.edgeCount)));
    };
    expect(errorOf(sum({ ...GROUPED, kvHeads: 4 }))).toMatchObject({ code: 'unsupported-graph' });
    expect(errorOf(sum(GROUPED, { ...DEFAULT_GRAPH_OPTIONS, splitQkv: false }))).toMatchObject({
      code: 'unsupported-graph',
    });
  });
});
