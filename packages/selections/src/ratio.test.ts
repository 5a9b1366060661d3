import {
  buildGraph,
  chooseSelection,
  DEFAULT_GRAPH_OPTIONS,
  edgeSelection,
  unflattenScores,
} from '@auto-circuit/core/plugin';
import { runContract, selectionContract } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { ratio } from './ratio.js';

const graph = buildGraph({ kind: 'staged', layers: 2, heads: 1, dModel: 2 }, DEFAULT_GRAPH_OPTIONS); // 6 edges
const first = (scores: readonly number[], n: number, positive?: number) =>
  edgeSelection(graph, unflattenScores(graph, [...scores]), chooseSelection(ratio, positive === undefined ? undefined : { positive })).edges(n); // biome-ignore format: one line

describe('ratio', () => {
  const scores = [5, -4, 3, -2, 1, -6];
  it.each([
    [1, 3, [0, 2, 4]], // the largest positive scores
    [0, 3, [5, 1, 3]], // the most negative
    [0.5, 4, [0, 2, 5, 1]], // two of each
    [2 / 3, 3, [0, 2, 5]], // two and one
    [0.7, 1, [0]], // 0.7 is rounded
  ])('of a share %f, %i edges', (positive, n, edges) => {
    expect([...first(scores, n, positive)].sort()).toEqual([...edges].sort());
  });

  it('goes on with the other kind where one runs out, an edge without effect last of all', () => {
    expect([...first(scores, 5, 1)]).toEqual([0, 2, 4, 5, 1]);
    expect([...first([0, -4, 3, -2, 0, 0], 6, 0.5)].slice(-3)).toEqual([0, 4, 5]);
    expect([...first([1, 2, 3, 4, 5, 6], 6, 0)].slice(0, 2)).toEqual([5, 4]);
  });

  it('has circuits that contain each other: round(r · n) and n − round(r · n) never fall', () => {
    for (let n = 1; n <= 6; n++) expect(first(scores, n)).toEqual([...first(scores, n - 1), first(scores, n).at(-1)]);
  });
});

runContract('ratio', selectionContract(ratio), { describe, it });
