/** @file From prune scores to edges: importance, thresholds, the top k. */
import { AutoCircuitError } from '../errors/error.js';
import type { RankBy } from './edge-ranking-names.js';
import { flattenScores } from './score-index.js';
import type { Graph, PruneScores } from './types.js';

/** The k most important edges. */
export interface TopEdges {
  /** Canonical numbers, ascending. */
  readonly edges: readonly number[];
  /** The k asked for. */
  readonly requested: number;
  /** Edges really kept: at least k (unless k is 0), more when edges tie at the k-th largest importance. */
  readonly count: number;
  /** count − requested: edges that came along because they tie with the k-th. */
  readonly ties: number;
}

/** Importance of every edge, |score| (or the score itself), in canonical order: [edgeCount]. */
export function importances(graph: Graph, scores: PruneScores, by: RankBy = 'absolute'): Float64Array {
  const flat = flattenScores(graph, scores);
  return by === 'absolute' ? flat.map(Math.abs) : flat.map((score) => score + 0); // no −0, which would tie with 0 and sort apart
}

/** The k-th largest importance: an edge belongs to the top k when its |score| reaches it. */
export function thresholdFor(graph: Graph, scores: PruneScores, k: number, by: RankBy = 'absolute'): number {
  checkCount(graph, k, 1);
  return importances(graph, scores, by).sort()[graph.edgeCount - k]!;
}

/**
 * The k most important edges and all that tie with the last of them. 0 keeps none, also where scores are ∞.
 * @throws AutoCircuitError when k is not a whole number from 0 to the number of edges.
 */
export function topEdges(graph: Graph, scores: PruneScores, k: number, by: RankBy = 'absolute'): TopEdges {
  checkCount(graph, k, 0);
  const edges = k === 0 ? [] : edgesAbove(graph, scores, thresholdFor(graph, scores, k, by), by);
  return Object.freeze({ edges: Object.freeze(edges), requested: k, count: edges.length, ties: edges.length - k });
}

/** The edges whose importance is at least `threshold` (a number from 0; any, where the score itself ranks), ascending. */
export function edgesAbove(graph: Graph, scores: PruneScores, threshold: number, by: RankBy = 'absolute'): number[] {
  if (by === 'absolute' ? !(threshold >= 0) : Number.isNaN(threshold)) {
    throw new AutoCircuitError({
      code: 'invalid-threshold',
      fields: { threshold },
      where: 'scores',
      what: 'a threshold on importance |score| is not usable',
      expected: 'a number from 0',
      got: `${threshold}`,
    });
  }
  const edges: number[] = [];
  importances(graph, scores, by).forEach((importance, number) => {
    if (importance >= threshold) edges.push(number);
  });
  return edges;
}

/** @throws AutoCircuitError when the graph cannot keep this many edges. */
function checkCount(graph: Graph, k: number, least: number): void {
  if (Number.isInteger(k) && k >= least && k <= graph.edgeCount) return;
  throw invalidEdgeCount('scores', k, least, graph.edgeCount);
}

/**
 * The error for a number of edges that a graph cannot keep.
 * @param where the part of the program that noticed
 */
export function invalidEdgeCount(where: string, edges: number, least: number, edgeCount: number): AutoCircuitError {
  return new AutoCircuitError({
    code: 'invalid-edge-count',
    fields: { edges, edgeCount },
    where,
    what: 'the graph cannot keep this many edges',
    expected: `a whole number from ${least} to ${edgeCount}`,
    got: `${edges}`,
  });
}
