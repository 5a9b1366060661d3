import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { floatTensor } from '../tensor/tensor.js';
import { errorOf } from '../testing/errors.js';
import { buildGraph } from './build.js';
import { edgeCounts } from './circuit-sizes.js';
import { unflattenScores } from './score-index.js';
import type { GraphLayout, GraphOptions, PruneScores } from './types.js';

type StoredScores = Record<string, { shape: number[]; data: number[] }>;
const golden = JSON.parse(readFileSync(new URL('../../test-data/edge-counts.json', import.meta.url), 'utf8')) as {
  case: string;
  variant: string;
  layout: GraphLayout;
  options: GraphOptions;
  scores: { untied: StoredScores; tied?: StoredScores };
  values: Record<string, number[]>;
}[];
const load = (stored: StoredScores): PruneScores =>
  Object.fromEntries(
    Object.entries(stored).map(([module, { shape, data }]) => [module, floatTensor(Float32Array.from(data), shape)]),
  );

describe('edgeCounts', () => {
  it.each(golden)('equals AutoCircuit: $case $variant', ({ layout, options, scores, values }) => {
    const graph = buildGraph(layout, options);
    const n = graph.edgeCount;
    const all = edgeCounts(graph, { rule: 'all' });
    const got: Record<string, number[]> = {
      log: edgeCounts(graph, { rule: 'log' }),
      list: edgeCounts(graph, { rule: [2, 0.1, 0.5, 7] }),
      list_zero_all_off: edgeCounts(graph, { rule: [0, 2, 0.5, n], zero: false, all: false }),
      default_binary: edgeCounts(graph, {
        scores: unflattenScores(
          graph,
          Array.from({ length: n }, (_, i) => (i % 3 === 0 ? 1 : 0)),
        ),
      }),
      all_first_last: [all[0]!, all[1]!, all.at(-1)!],
    };
    for (const [kind, stored] of Object.entries(scores)) {
      const own = load(stored);
      got[`default_${kind}`] = edgeCounts(graph, { scores: own });
      got[`groups_${kind}`] = edgeCounts(graph, { scores: own, rule: 'groups' });
      got[`default_${kind}_true17`] = edgeCounts(graph, { scores: own, trueCount: 17 });
    }
    expect(got).toEqual(values);
  });

  it('says what it needs', () => {
    const graph = buildGraph(golden[0]!.layout, golden[0]!.options);
    expect(errorOf(() => edgeCounts(graph, { rule: 'groups' }))).toMatchObject({
      code: 'missing-option',
      fields: { option: 'scores' },
    });
    for (const edges of [1.5, -1]) {
      expect(errorOf(() => edgeCounts(graph, { rule: [edges] }))).toMatchObject({
        code: 'invalid-edge-count',
        fields: { edges },
      });
    }
  });
});
