/** @file How well prune scores find a known circuit: the ROC curve and its area. */
import {
  AutoCircuitError,
  checkEdgeNumber,
  type Graph,
  importances,
  type PruneScores,
  topEdges,
} from '@auto-circuit/core/plugin';

/** Shares of the false and of the true edges that are chosen. */
export interface RocPoint {
  readonly falsePositiveRate: number;
  readonly truePositiveRate: number;
}
/** How a ROC curve is drawn. */
export interface RocOptions {
  /**
   * Edges of equal importance are chosen all at once. `together`: one step, a slanted line when there are true and false
   * ones among them (AutoCircuit; its area is the mean over the orders of the tied edges). `pessimistic`: the false ones first.
   */
  readonly ties?: 'together' | 'pessimistic';
}

/**
 * The ROC curve of importance |score| against the edges of a known circuit, from (0, 0) to (1, 1): one point for each
 * distinct importance, going down (with `pessimistic` ties two where a tie holds true and false edges).
 *
 * @param trueEdges canonical numbers
 * @throws AutoCircuitError `undefined-metric` when no edge, or every edge, is true: then there is no rate to speak of
 */
export function rocCurve(
  graph: Graph,
  scores: PruneScores,
  trueEdges: Iterable<number>,
  { ties = 'together' }: RocOptions = {},
): readonly RocPoint[] {
  const isTrue = trueFlags(graph, trueEdges);
  const positives = isTrue.reduce((n, flag) => n + flag, 0);
  const negatives = graph.edgeCount - positives;
  const importance = importances(graph, scores);
  const order = Array.from(importance.keys()).sort((a, b) => compare(importance[b]!, importance[a]!));
  const points: RocPoint[] = [];
  let found = 0;
  let wrong = 0;
  const add = (): void => {
    points.push(Object.freeze({ falsePositiveRate: wrong / negatives, truePositiveRate: found / positives }));
  };
  add();
  for (let at = 0; at < order.length; ) {
    const tied = importance[order[at]!]!;
    let groupFound = 0;
    let groupWrong = 0;
    for (; at < order.length && importance[order[at]!] === tied; at++) {
      if (isTrue[order[at]!]) groupFound++;
      else groupWrong++;
    }
    wrong += groupWrong;
    if (ties === 'pessimistic' && groupFound > 0 && groupWrong > 0) add();
    found += groupFound;
    add();
  }
  return Object.freeze(points);
}

/** The point of a ROC curve where the k most important edges (and all that tie with the last of them) are chosen. */
export function rocPointAt(graph: Graph, scores: PruneScores, trueEdges: Iterable<number>, k: number): RocPoint {
  const isTrue = trueFlags(graph, trueEdges);
  const positives = isTrue.reduce((n, flag) => n + flag, 0);
  const chosen = topEdges(graph, scores, k).edges;
  const found = chosen.reduce((n, edge) => n + isTrue[edge]!, 0);
  return Object.freeze({
    falsePositiveRate: (chosen.length - found) / (graph.edgeCount - positives),
    truePositiveRate: found / positives,
  });
}

/** The area under a ROC curve by trapezoids; the points go from (0, 0) to (1, 1). 1 is perfect, ½ is chance. */
export function rocArea(points: readonly RocPoint[]): number {
  let area = 0;
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1]!, points[i]!];
    area += ((b.falsePositiveRate - a.falsePositiveRate) * (a.truePositiveRate + b.truePositiveRate)) / 2;
  }
  return area;
}

const compare = (a: number, b: number): number => (a === b ? 0 : a - b); // ∞ − ∞ is no number

function trueFlags(graph: Graph, trueEdges: Iterable<number>): Uint8Array {
  const isTrue = new Uint8Array(graph.edgeCount);
  for (const edge of trueEdges) {
    checkEdgeNumber(graph, edge);
    isTrue[edge] = 1;
  }
  const positives = isTrue.reduce((n, flag) => n + flag, 0);
  if (positives > 0 && positives < graph.edgeCount) return isTrue;
  throw new AutoCircuitError({
    code: 'undefined-metric',
    fields: { metric: 'roc', edges: positives, edgeCount: graph.edgeCount },
    where: 'roc',
    what: 'a ROC curve needs edges inside and outside the known circuit',
    expected: `1 to ${graph.edgeCount - 1} true edges`,
    got: `${positives}`,
  });
}
