import { describe, expect, it } from 'vitest';
import { edgeSelection } from '../graph/edge-ranking.js';
import { unflattenScores } from '../graph/score-index.js';
import { topEdges } from '../graph/scores.js';
import { errorOf } from '../testing/errors.js';
import { stagedGraph } from '../testing/graphs.js';
import { circuitsToMeasure, keptCircuit, tiesWarning } from './circuits-to-measure.js';

const graph = stagedGraph(); // 2 + 6 + 5 = 13 edges
const scores = unflattenScores(graph, [9, -8, 7, 7, -7, 5, 4, 3, 2, 1, 0, 0, 0]);
const settings = { ablation: 'resample', ablateFrom: 'corrupt', patchType: 'tree', reverse: false } as const;

describe('circuitsToMeasure', () => {
  it('gives the edges of topEdges, each circuit once, and says what ties did', () => {
    const circuits = circuitsToMeasure(graph, { scores }, { by: 'list', counts: [0, 2, 3, 4, 5, 6, 11] }, settings);
    expect(circuits.map(({ requested, edges }) => [requested, edges])).toEqual([
      [0, 0],
      [2, 2],
      [5, 5], // 3 and 4 give the same circuit; the size that was asked exactly names it
      [6, 6],
      [11, 13],
    ]);
    for (const { requested, make } of circuits) {
      expect(make().circuit.edges).toEqual(topEdges(graph, scores, requested!).edges);
    }
    expect(tiesWarning(circuits)).toBe('edges with equal scores are kept together: 11 asked, 13 kept');
  });

  it('drops edges without a way in only where that is exact', () => {
    const connected = (changes: object) =>
      circuitsToMeasure(graph, { scores }, { by: 'list', counts: [13] }, { ...settings, ...changes }, 2).map(
        ({ make }) => make().connected.edges.length,
      );
    expect(connected({})).toEqual([0, 13]);
    const wayIn = unflattenScores(graph, [0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0]); // one edge, from a head to the end
    const one = (changes: object) =>
      circuitsToMeasure(graph, { scores: wayIn }, { by: 'list', counts: [1] }, { ...settings, ...changes }).map(
        ({ make }) => make().connected.edges.length,
      );
    expect(one({})).toEqual([0]);
    expect(one({ ablation: 'zero' })).toEqual([1]);
    expect(one({ patchType: 'edge' })).toEqual([1]);
  });

  it('a threshold is one circuit; a size to keep is measured too', () => {
    const circuits = circuitsToMeasure(graph, { scores }, { by: 'threshold', threshold: 4.5 }, settings, 2);
    expect(circuits.map(({ requested, edges }) => [requested, edges])).toEqual([
      [2, 2],
      [null, 6],
    ]);
  });

  it('chooses edges otherwise when asked to', () => {
    const sized = (select: 'top' | 'greedy', keep?: number) =>
      circuitsToMeasure(graph, { scores }, { by: 'list', counts: [3, 11] }, { ...settings, select }, keep);
    for (const select of ['top', 'greedy'] as const) {
      expect(sized(select, 4).map(({ requested, edges }) => [requested, edges])).toEqual([[3, 3], [4, 4], [11, 11]]); // biome-ignore format: sizes
      const kept = keptCircuit(graph, { scores }, sized(select, 4), 4, { select }).make().circuit;
      expect(kept.edges).toEqual([...edgeSelection(graph, scores, select).edges(4)].sort((a, b) => a - b));
    }
    // The largest scores are of edges between heads: only the greedy circuit leads to the output.
    expect(sized('top')[0]!.make().connected.edges).toHaveLength(0);
    const grown = circuitsToMeasure(graph, { scores }, { by: 'list', counts: [3] }, { ...settings, ablation: 'zero', select: 'greedy' }); // biome-ignore format: one line
    expect(grown[0]!.make().connected.edges).toHaveLength(3);
    const byThreshold = { by: 'threshold', threshold: 1 } as const;
    expect(
      errorOf(() => circuitsToMeasure(graph, { scores }, byThreshold, { ...settings, select: 'top' })),
    ).toMatchObject({
      code: 'conflicting-options',
      fields: { options: ['select', 'threshold'] },
    });
  });

  it('ranks by the score itself when asked to', () => {
    const signed = { ...settings, rankBy: 'signed' } as const;
    const [two, four] = circuitsToMeasure(graph, { scores }, { by: 'list', counts: [2, 4] }, signed);
    // by hand: 9, then 7 and 7, which tie; 5 comes fourth, and −8 last
    expect([two!.make().circuit.edges, four!.make().circuit.edges]).toEqual([
      [0, 2, 3],
      [0, 2, 3, 5],
    ]);
    for (const select of ['top', 'greedy'] as const) {
      const last = [...edgeSelection(graph, scores, select, { rankBy: 'signed' }).edges(13)];
      const first = [...edgeSelection(graph, scores, select, { rankBy: 'signed' }).edges(12)];
      if (select === 'top') expect(last.filter((edge) => !first.includes(edge))).toEqual([1]); // −8
    }
    const above = circuitsToMeasure(graph, { scores }, { by: 'threshold', threshold: 7 }, signed);
    expect(above[0]!.make().circuit.edges).toEqual([0, 2, 3]); // not the −8 that |score| would let in
  });
});
