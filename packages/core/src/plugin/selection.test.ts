import { describe, expect, it } from 'vitest';
import { edgeSelection } from '../graph/edge-ranking.js';
import { flattenScores, unflattenScores } from '../graph/score-index.js';
import { runContract } from '../testing/contract.js';
import { stagedGraph } from '../testing/graphs.js';
import { selectionContract } from '../testing/selection-contract.js';
import { BUILT_IN_SELECTIONS, chooseSelection, defineSelection } from './selection.js';

/** Edges by |score| ÷ its standard error, where there are errors. */
const surest = defineSelection({
  name: 'surest',
  doc: 'edges whose scores stand out of their errors',
  options: { floor: { type: 'number', default: 1e-6, min: 0, doc: 'least error that counts' } },
  select({ graph, scores, standardErrors }, { floor }) {
    const errors = standardErrors && flattenScores(graph, standardErrors);
    const size = flattenScores(graph, scores).map((x, edge) => Math.abs(x) / (errors ? errors[edge]! + floor : 1));
    return Array.from(size.keys()).sort((a, b) => (size[b] === size[a] ? a - b : size[b]! - size[a]!));
  },
});

for (const selection of [...BUILT_IN_SELECTIONS, surest]) {
  runContract(selection.name, selectionContract(selection), { describe, it });
}

describe('selections of plugins', () => {
  const graph = stagedGraph();
  const scores = unflattenScores(
    graph,
    Array.from({ length: graph.edgeCount }, (_, edge) => graph.edgeCount - edge),
  );
  const standardErrors = unflattenScores(
    graph,
    Array.from({ length: graph.edgeCount }, (_, edge) => (edge < 2 ? 100 : 1)),
  );

  it('see standard errors', () => {
    const how = chooseSelection(surest);
    expect([...edgeSelection(graph, scores, how, { standardErrors }).edges(2)]).toEqual([2, 3]); // 0 and 1 are uncertain
    expect([...edgeSelection(graph, scores, how).edges(2)]).toEqual([0, 1]);
    expect(chooseSelection(surest, { floor: 2 }).text).toBe('surest(floor=2)');
  });

  it('are refused for what is no circuit, by name and member', () => {
    const broken = (select: () => unknown) =>
      chooseSelection(
        defineSelection({ name: 'broken', doc: 'gives no circuits', options: {}, select: select as never }),
      );
    const all = Array.from({ length: graph.edgeCount }, (_, edge) => edge);
    for (const [select, words] of [
      [() => undefined, /gives no selection/],
      [async () => all, /Promise/],
      [() => all.slice(1), /numbers of all 13 edges/],
      [() => [...all.slice(1), 99], /no edge number/],
      [() => [...all.slice(1), 1], /twice/],
      [() => ({ edges: () => [0.5] }), /no edge number/],
    ] as const) {
      const choose = () => edgeSelection(graph, scores, broken(select)).edges(3);
      expect(choose).toThrow(words);
      expect(choose).toThrow(
        expect.objectContaining({
          code: 'plugin-failed',
          fields: expect.objectContaining({ plugin: 'broken', kind: 'selection' }),
        }),
      );
    }
  });
});
