import { describe, expect, it } from 'vitest';
import { uniformAt } from '../numeric/counter-random.js';
import { scoresByName, smallGraph, stagedGraph } from '../testing/graphs.js';
import { connectedPart, makeCircuit } from './circuit.js';
import { edgeAt } from './edges.js';
import { greedyOrder } from './greedy.js';
import { unflattenScores } from './score-index.js';
import { importances } from './scores.js';
import type { Graph, PruneScores } from './types.js';

const GRAPHS: readonly (readonly [string, Graph])[] = [
  ['split inputs', smallGraph()],
  ['token positions', smallGraph({ positions: 3 })],
  ['KV heads', smallGraph({ kvInputs: 'kv-head' })],
  ['residual', smallGraph({ factorized: false })],
  ['parallel', smallGraph({}, { parallel: true })],
  ['full attention', smallGraph({ positions: 3 }, { attention: 'full' })],
];

/** Some tie; signs differ. */
const randomScores = (graph: Graph, seed: number): PruneScores =>
  unflattenScores(
    graph,
    Float64Array.from({ length: graph.edgeCount }, (_, edge) => Math.round(uniformAt(seed, edge) * 40 - 20)),
  );

it('equal scores come in canonical order, and each edge once it leads somewhere', () => {
  const graph = stagedGraph({}, { heads: 1 }); // B0.0 ← start; B1.0 ← start, B0.0; end ← all three
  const names = (scores: PruneScores) => [...greedyOrder(graph, scores)].map((number) => edgeAt(graph, number).name);
  expect(names(scoresByName(graph, {}))).toEqual([
    'Resid Start->Resid End',
    'B0.0->Resid End',
    'Resid Start->B0.0', // its destination is in the circuit by now, and it is the first of those left
    'B1.0->Resid End',
    'Resid Start->B1.0',
    'B0.0->B1.0',
  ]);
  // the sign does not matter, and a large score waits until its destination is reached
  expect(
    names(scoresByName(graph, { 'Resid Start->B0.0': -9, 'B1.0->Resid End': 1, 'B0.0->B1.0': -1 })).slice(0, 3),
  ).toEqual(['B1.0->Resid End', 'B0.0->B1.0', 'Resid Start->B0.0']);
});

describe.each(GRAPHS)('greedyOrder, %s', (_name, graph) => {
  const leadsOut = (edges: readonly number[]): boolean =>
    connectedPart(makeCircuit(graph, edges), { requireWayIn: false, requireWayOut: true }).edges.length ===
    edges.length;

  it('orders all edges, and every beginning of it leads to the output', () => {
    const order = [...greedyOrder(graph, randomScores(graph, 1))];
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: graph.edgeCount }, (_, edge) => edge));
    for (const n of [1, 2, 3, 5, 8, 13, Math.floor(graph.edgeCount / 2)])
      expect(leadsOut(order.slice(0, n))).toBe(true);
  });
  it('is what the slow search finds: of all edges that may come next, the strongest', () => {
    const scores = randomScores(graph, 2);
    const importance = importances(graph, scores);
    const slow: number[] = [];
    while (slow.length < Math.min(12, graph.edgeCount)) {
      const next = Array.from(importance.keys()).filter((edge) => !slow.includes(edge) && leadsOut([...slow, edge]));
      slow.push(next.reduce((best, edge) => (importance[edge]! > importance[best]! ? edge : best)));
    }
    expect([...greedyOrder(graph, scores)].slice(0, slow.length)).toEqual(slow);
  });
});
