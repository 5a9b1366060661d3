/** @file How much two sets of prune scores agree on which edges matter. */
import { type Graph, importances, type PruneScores, type RankBy, topEdges } from '@auto-circuit/core/plugin';

/** What the k most important edges of two scores have in common. */
export interface Overlap {
  /** The k asked for. */
  readonly edges: number;
  /** Share of the k edges that both choose; null where ties keep either from choosing exactly k. */
  readonly share: number | null;
  /** |A ∩ B| / |A ∪ B| of the sets as they are, ties included; 1 when both are empty. */
  readonly jaccard: number;
  /** Edges that each chose beyond k, since they tie. */
  readonly ties: readonly [number, number];
}

/** @throws AutoCircuitError when k is not a whole number from 0 to the number of edges */
export function topOverlap(
  graph: Graph,
  a: PruneScores,
  b: PruneScores,
  k: number,
  rankBy: RankBy = 'absolute',
): Overlap {
  const [topA, topB] = [topEdges(graph, a, k, rankBy), topEdges(graph, b, k, rankBy)];
  const inB = new Set(topB.edges);
  const common = topA.edges.reduce((n, edge) => n + (inB.has(edge) ? 1 : 0), 0);
  const union = topA.count + topB.count - common;
  const exact = topA.ties === 0 && topB.ties === 0;
  return Object.freeze({
    edges: k,
    share: exact && k > 0 ? common / k : null,
    jaccard: union === 0 ? 1 : common / union,
    ties: Object.freeze([topA.ties, topB.ties] as const),
  });
}

/**
 * |A ∩ B| / |A ∪ B| of the top k edges (ties included) of each two of several scores: a row and a column for each. The
 * same numbers as `topOverlap`, with the top edges of each sought once.
 * @throws AutoCircuitError when k is not a whole number from 0 to the number of edges
 */
export function overlapMatrix(graph: Graph, scores: readonly PruneScores[], k: number): number[][] {
  const tops = scores.map((one) => new Set(topEdges(graph, one, k).edges));
  return tops.map((a) =>
    tops.map((b) => {
      let common = 0;
      for (const edge of a) if (b.has(edge)) common++;
      const union = a.size + b.size - common;
      return union === 0 ? 1 : common / union;
    }),
  );
}

/**
 * Spearman's rank correlation of the importances |score| of all edges, tied edges with their mean rank: 1 for the same
 * order, −1 for the opposite one; null when either has one importance only.
 */
export function rankCorrelation(graph: Graph, a: PruneScores, b: PruneScores): number | null {
  const [x, y] = [ranks(importances(graph, a)), ranks(importances(graph, b))];
  const middle = (graph.edgeCount + 1) / 2; // the mean rank, ties or not
  let xy = 0;
  let xx = 0;
  let yy = 0;
  for (const [i, rank] of x.entries()) {
    const [dx, dy] = [rank - middle, y[i]! - middle];
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return xx === 0 || yy === 0 ? null : xy / Math.sqrt(xx * yy);
}

/** Ranks from 1; equal values share the mean of their places. */
function ranks(values: Float64Array): Float64Array {
  const order = Array.from(values.keys()).sort((a, b) => (values[a] === values[b] ? 0 : values[a]! - values[b]!));
  const out = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let stop = start + 1;
    while (stop < order.length && values[order[stop]!] === values[order[start]!]) stop++;
    for (let i = start; i < stop; i++) out[order[i]!] = (start + 1 + stop) / 2;
    start = stop;
  }
  return out;
}
