/** @file `ilp` against every circuit there is, and against what top and greedy take. */
import {
  buildGraph,
  chooseSelection,
  connectedPart,
  DEFAULT_GRAPH_OPTIONS,
  edgeSelection,
  type Graph,
  importances,
  makeCircuit,
  type PruneScores,
  type RankBy,
  seededRandom,
  unflattenScores,
} from '@auto-circuit/core/plugin';
import { beforeAll, describe, expect, it } from 'vitest';
import { ilp } from './ilp.js';
import { circuitProgram } from './program.js';

beforeAll(() => ilp.prepare!());

/** Stages of heads, each of which reads all before it. */
const stagedGraph = (heads = 2, positions: number | null = null): Graph =>
  buildGraph({ kind: 'staged', layers: 2, heads, dModel: 2 }, { ...DEFAULT_GRAPH_OPTIONS, positions });
const transformer = (positions: number | null = null): Graph =>
  buildGraph(
    { kind: 'transformer', layers: 2, heads: 2, kvHeads: 2, dModel: 4, mlp: true, parallel: false },
    { ...DEFAULT_GRAPH_OPTIONS, positions },
  );
const errorOf = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return error;
  }
};

const chosen = chooseSelection(ilp);
const isConnected = (graph: Graph, edges: readonly number[]): boolean =>
  connectedPart(makeCircuit(graph, edges), { requireWayIn: true, requireWayOut: true }).edges.length === edges.length;

const randomScores = (graph: Graph, seed: number): PruneScores => {
  const random = seededRandom(seed, 'ilp');
  return unflattenScores(
    graph,
    Float64Array.from({ length: graph.edgeCount }, () => random.normal()),
  );
};
const totalOf = (importance: Float64Array, edges: readonly number[]): number =>
  edges.reduce((sum, edge) => sum + importance[edge]!, 0);

/** By size, the largest total of a connected circuit, of all 2^edges; null where none of the size is connected. */
function best(graph: Graph, importance: Float64Array): (number | null)[] {
  const most: (number | null)[] = Array.from({ length: graph.edgeCount + 1 }, () => null);
  for (let bits = 0; bits < 2 ** graph.edgeCount; bits++) {
    const edges = Array.from({ length: graph.edgeCount }, (_, edge) => edge).filter((edge) => (bits >> edge) & 1);
    const total = totalOf(importance, edges);
    const before = most[edges.length]!;
    if ((before === null || total > before) && isConnected(graph, edges)) most[edges.length] = total;
  }
  return most;
}

describe('ilp', () => {
  it.each<[string, Graph, RankBy]>([
    ['one head a layer', stagedGraph(1), 'absolute'],
    ['two heads a layer', stagedGraph(), 'absolute'],
    ['two heads a layer, signed', stagedGraph(), 'signed'],
    ['two positions', stagedGraph(1, 2), 'absolute'],
  ])('has the total of the best of all circuits, for every size: %s', (_name, graph, rankBy) => {
    const scores = randomScores(graph, 1);
    const importance = importances(graph, scores, rankBy);
    const selection = edgeSelection(graph, scores, chosen, { rankBy });
    for (const [n, total] of best(graph, importance).entries()) {
      if (total === null) {
        expect(errorOf(() => selection.edges(n))).toMatchObject({ code: 'not-solved', fields: { edges: n } });
        continue;
      }
      const edges = selection.edges(n);
      expect(edges).toHaveLength(n);
      expect(isConnected(graph, edges)).toBe(true);
      expect(totalOf(importance, edges)).toBeCloseTo(total, 9);
      expect(selection.gap!(n)).toBeLessThan(1e-9);
    }
  });

  it.each([1, 2, 3])('is between greedy and top on a transformer, seed %i', (seed) => {
    const graph = transformer();
    const scores = randomScores(graph, seed);
    const importance = importances(graph, scores);
    const of = (how: 'top' | 'greedy' | typeof chosen, n: number) =>
      totalOf(importance, edgeSelection(graph, scores, how).edges(n));
    for (const n of [3, 8, 20]) {
      const edges = edgeSelection(graph, scores, chosen).edges(n);
      expect(isConnected(graph, edges)).toBe(true);
      expect(of(chosen, n)).toBeLessThanOrEqual(of('top', n) + 1e-9);
      // greedy circuits lead to the output, but not all of them come from the input
      const grown = edgeSelection(graph, scores, 'greedy').edges(n);
      if (isConnected(graph, grown)) expect(of(chosen, n)).toBeGreaterThanOrEqual(of('greedy', n) - 1e-9);
    }
  });

  it('says when the time did not do, and what it had found', () => {
    const graph = transformer(4);
    const hurried = chooseSelection(ilp, { seconds: 1e-9, gap: 0 });
    const refused = errorOf(() => edgeSelection(graph, randomScores(graph, 4), hurried).edges(17));
    expect(refused).toMatchObject({ code: 'not-solved', fields: { edges: 17, seconds: 1e-9 } });
  });

  it('has a program whose size is that of the graph: two bounds at most for an edge, one for a variable of a node', () => {
    const graph = stagedGraph();
    const { columns, edges, nodes, ofEdges } = circuitProgram(graph);
    expect(edges).toBe(graph.edgeCount);
    expect(columns).toBe(edges + 2 * (graph.sources.length + graph.destinations.length));
    expect(nodes.rows).toBe(1 + columns - edges);
    // Resid Start->Resid End needs neither; the others of the input and of the output need one
    const bounds = Array.from({ length: edges }, (_, edge) => ofEdges([edge]).rows);
    expect(bounds.filter((count) => count === 0)).toHaveLength(1);
  });
});
