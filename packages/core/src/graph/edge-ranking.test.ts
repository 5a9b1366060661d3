import { describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { scoresByName, stagedGraph } from '../testing/graphs.js';
import { edgeSelection } from './edge-ranking.js';
import { edgesByName } from './edges.js';
import { greedyOrder } from './greedy.js';

const small = stagedGraph({}, { heads: 1 }); // B0.0 ← start; B1.0 ← start, B0.0; end ← all three
describe('edgeSelection', () => {
  const scores = scoresByName(small, {
    'Resid Start->B0.0': 9,
    'Resid Start->B1.0': -1,
    'B0.0->B1.0': 8,
    'Resid Start->Resid End': 2,
    'B0.0->Resid End': -2,
    'B1.0->Resid End': 3,
  });
  const names = (select: 'threshold' | 'top' | 'greedy', n: number) =>
    [...edgeSelection(small, scores, select).edges(n)].sort((a, b) => a - b);
  const edges = (...list: string[]) => list.flatMap((name) => edgesByName(small, name)).sort((a, b) => a - b);

  it('threshold keeps ties together, top keeps exactly n', () => {
    expect(edgeSelection(small, scores, 'threshold').count(4)).toBe(5);
    expect(edgeSelection(small, scores, 'top').count(4)).toBe(4);
    expect(names('top', 4)).toEqual(
      edges('Resid Start->B0.0', 'B0.0->B1.0', 'B1.0->Resid End', 'Resid Start->Resid End'), // the earlier of the two that tie
    );
    expect(names('threshold', 2)).toEqual(names('top', 2));
  });
  it('greedy grows from the output: an edge comes when its destination leads into the circuit', () => {
    expect(names('greedy', 1)).toEqual(edges('B1.0->Resid End')); // 9 and 8 do not lead there yet
    expect(names('greedy', 2)).toEqual(edges('B1.0->Resid End', 'B0.0->B1.0'));
    expect(names('greedy', 3)).toEqual(edges('B1.0->Resid End', 'B0.0->B1.0', 'Resid Start->B0.0'));
    expect([...greedyOrder(small, scores)].slice(3)).toEqual(
      ['Resid Start->Resid End', 'B0.0->Resid End', 'Resid Start->B1.0'].flatMap((name) => edgesByName(small, name)),
    );
  });
  it.each(['top', 'greedy'] as const)('%s: a size is a number of edges that the graph has', (select) => {
    const { count, edges: of } = edgeSelection(small, scores, select);
    expect(of(0)).toEqual([]);
    expect(count(6)).toBe(6);
    for (const edges of [7, -1, 1.5]) {
      expect(errorOf(() => of(edges))).toMatchObject({ code: 'invalid-edge-count', fields: { edges, edgeCount: 6 } });
    }
  });
  it('takes scores of ∞', () => {
    const infinite = scoresByName(small, { 'Resid Start->B0.0': Number.POSITIVE_INFINITY, 'B0.0->Resid End': 1 });
    expect([...greedyOrder(small, infinite)].slice(0, 2)).toEqual(
      ['B0.0->Resid End', 'Resid Start->B0.0'].flatMap((name) => edgesByName(small, name)),
    );
  });
});
