/** @file Which edges a circuit of n edges holds, given scores: the strongest ones with their ties, exactly n, or grown from the output. */
import type { SelectionName } from './edge-ranking-names.js';
import { greedyOrder } from './greedy.js';
import { edgesAbove, importances, invalidEdgeCount, thresholdFor } from './scores.js';
import type { Graph, PruneScores } from './types.js';

/** Circuits of any size from one set of scores; made once, so that many sizes cost one sort. */
export interface EdgeSelection {
  /** How many edges a circuit has that is asked to have n. */
  count(n: number): number;
  /** Its edges, canonical numbers in any order. */
  edges(n: number): readonly number[];
}

/** @throws AutoCircuitError by `count` and `edges` for a number that is none, or more edges than there are */
export function edgeSelection(graph: Graph, scores: PruneScores, name: SelectionName): EdgeSelection {
  return MAKERS[name](graph, scores);
}

const MAKERS: Readonly<Record<SelectionName, (graph: Graph, scores: PruneScores) => EdgeSelection>> = {
  threshold(graph, scores) {
    const ranking = rankingOf(graph, scores);
    return {
      count: (n) => (n === 0 ? 0 : ranking.reaching(ranking.thresholdFor(n))),
      edges: (n) => (n === 0 ? [] : edgesAbove(graph, scores, ranking.thresholdFor(n))),
    };
  },
  top: (graph, scores) => firstOf(graph, fallingOrder(graph, scores)),
  greedy: (graph, scores) => firstOf(graph, greedyOrder(graph, scores)),
};

/** Canonical numbers by falling importance, equal ones in canonical order. */
function fallingOrder(graph: Graph, scores: PruneScores): Uint32Array {
  const importance = importances(graph, scores);
  const compare = (a: number, b: number): number => {
    const [x, y] = [importance[a]!, importance[b]!];
    return x === y ? a - b : x > y ? -1 : 1;
  };
  return Uint32Array.from(importance.keys()).sort(compare);
}

function firstOf(graph: Graph, order: Uint32Array): EdgeSelection {
  const checked = (n: number): number => {
    if (Number.isInteger(n) && n >= 0 && n <= order.length) return n;
    throw invalidEdgeCount('scores', n, 0, Math.min(order.length, graph.edgeCount));
  };
  return { count: checked, edges: (n) => Array.from(order.subarray(0, checked(n))) };
}

/** Importances in order, made once for many sizes. */
export interface Ranking {
  /** The k-th largest importance. */
  thresholdFor(k: number): number;
  /** How many edges have at least this importance. */
  reaching(threshold: number): number;
}

/** What `topEdges` finds, for many sizes with one sort. */
export function rankingOf(graph: Graph, scores: PruneScores): Ranking {
  const rising = importances(graph, scores).sort();
  return {
    thresholdFor(k) {
      if (Number.isInteger(k) && k >= 1 && k <= rising.length) return rising[rising.length - k]!;
      return thresholdFor(graph, scores, k); // says what is wrong
    },
    reaching(threshold) {
      let [low, high] = [0, rising.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (rising[middle]! < threshold) low = middle + 1;
        else high = middle;
      }
      return rising.length - low;
    },
  };
}
