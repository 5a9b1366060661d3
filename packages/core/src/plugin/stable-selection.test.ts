import { describe, expect, it } from 'vitest';
import { edgeSelection } from '../graph/edge-ranking.js';
import { unflattenScores } from '../graph/score-index.js';
import { seededRandom } from '../numeric/seeded-random.js';
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
  const first = (n: number, options: { z?: number; share?: number } = {}, rankBy: 'absolute' | 'signed' = 'absolute') =>
    edgeSelection(graph, scores, chooseSelection(stableSelection, { z: 1.96, share: 0, ...options }), {
      standardErrors,
      rankBy,
    }).edges(n);

  it('takes edges of which the sign is sure, then the others, each by importance', () => {
    expect([...first(3)]).toEqual([2, 3, 4]);
    expect([...first(3, { z: 2.1 })]).toEqual([3, 4, 5]);
    expect([...first(graph.edgeCount)].slice(-2)).toEqual([0, 1]);
    expect([...first(graph.edgeCount, { z: 20 })].slice(0, 3)).toEqual([0, 1, 2]); // none is sure
  });

  it('takes a share of resamples in the place of z: as a bootstrap of the prompts counts them', () => {
    expect([...first(3, { share: 0.975 })]).toEqual([...first(3)]); // Φ(1.96)
    const random = seededRandom(2);
    // Each edge's score of 40 prompts, with means of 0 to 3 standard errors; in how many of 4000 resamples its mean is above 0
    const byEdge = Array.from({ length: graph.edgeCount }, (_, edge) =>
      Array.from({ length: 40 }, () => random.normal() + edge / 4 / Math.sqrt(40)),
    );
    const means = byEdge.map((values) => values.reduce((sum, x) => sum + x, 0) / 40);
    const errors = byEdge.map((values, edge) =>
      Math.sqrt(values.reduce((sum, x) => sum + (x - means[edge]!) ** 2, 0) / (40 * 39)),
    );
    const held = byEdge.map((values, edge) => {
      let same = 0;
      for (let r = 0; r < 4000; r++) {
        let sum = 0;
        for (let i = 0; i < 40; i++) sum += values[random.below(40)]!;
        if (Math.sign(sum) === Math.sign(means[edge]!)) same++;
      }
      return same / 4000;
    });
    for (const share of [0.7, 0.85, 0.95]) {
      const order = edgeSelection(graph, each((edge) => means[edge]!), chooseSelection(stableSelection, { z: 1.96, share }), { standardErrors: each((edge) => errors[edge]!) }).edges(graph.edgeCount); // biome-ignore format: one line
      // 4000 resamples count to 2 %, and 40 prompts are nearly normal: edges within 3 % of the share may be either
      const sure = held.filter((x) => x > share + 0.03).length;
      const unsure = held.filter((x) => x < share - 0.03).length;
      expect(order.slice(0, sure).every((edge) => held[edge]! > share - 0.03)).toBe(true);
      expect(order.slice(graph.edgeCount - unsure).every((edge) => held[edge]! < share + 0.03)).toBe(true);
      expect(sure).toBeGreaterThan(0);
      expect(unsure).toBeGreaterThan(0);
    }
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
