import { describe, expect, it } from 'vitest';
import { edgeSelection } from '../graph/edge-ranking.js';
import { unflattenScores } from '../graph/score-index.js';
import { stagedGraph } from '../testing/graphs.js';
import { chooseSelection } from './selection.js';
import { stableSelection } from './stable-selection.js';

describe('stable', () => {
  const graph = stagedGraph();
  const each = (of: (edge: number) => number) =>
    unflattenScores(
      graph,
      Array.from({ length: graph.edgeCount }, (_, edge) => of(edge)),
    );
  // Falling size, every other one negative; 0 and 1 are within 1.96 standard errors of 0, 2 is at 2 of them.
  const scores = each((edge) => (graph.edgeCount - edge) * (edge % 2 === 0 ? 1 : -1));
  const standardErrors = each((edge) => (graph.edgeCount - edge) * (edge < 2 ? 1 : edge === 2 ? 0.5 : 0.1));
  const first = (n: number, options: { z?: number } = {}, rankBy: 'absolute' | 'signed' = 'absolute') =>
    edgeSelection(graph, scores, chooseSelection(stableSelection, { z: 1.96, ...options }), {
      standardErrors,
      rankBy,
    }).edges(n);

  it('takes edges of which the sign is sure, then the others, each by importance', () => {
    expect([...first(3)]).toEqual([2, 3, 4]);
    expect([...first(3, { z: 2.1 })]).toEqual([3, 4, 5]);
    expect([...first(graph.edgeCount)].slice(-2)).toEqual([0, 1]);
    expect([...first(graph.edgeCount, { z: 20 })].slice(0, 3)).toEqual([0, 1, 2]); // none is sure
  });

  it('ranks by signed score where that is asked for', () => {
    expect([...first(2, {}, 'signed')]).toEqual([2, 4]);
  });

  it('says so where there are no standard errors', () => {
    expect(() => edgeSelection(graph, scores, chooseSelection(stableSelection)).edges(1)).toThrow(
      expect.objectContaining({ code: 'wrong-scores', fields: { missing: 'standard-errors' } }),
    );
  });
});
