/** @file Which edges a circuit of n edges holds, given scores: the strongest ones with their ties, exactly n, or grown from the output. */
import type { RankBy, SelectionName } from './edge-ranking-names.js';
import { greedyOrder } from './greedy.js';
import { edgesAbove, importances, invalidEdgeCount, thresholdFor } from './scores.js';
import type { Graph, PruneScores } from './types.js';

/** Circuits of any size from one set of scores; made once, so that many sizes cost one sort. */
export interface EdgeSelection {
  /** How many edges a circuit has that is asked to have n. */
  count(n: number): number;
  /** Its edges, canonical numbers in any order. */
  edges(n: number): readonly number[];
  /** Of a selection that searches: by how much the best total importance may be above that of its edges, as a share of it. */
  gap?(n: number): number;
}

/** What circuits are chosen by. */
export interface SelectionInput {
  readonly graph: Graph;
  readonly scores: PruneScores;
  /** Standard errors of the scores over prompts, where the algorithm gave them. */
  readonly standardErrors?: PruneScores | undefined;
  /** Whether an edge's importance is |score| or the score itself (`importances`). */
  readonly rankBy: RankBy;
}
/** A way to choose circuits that has no name here: a plugin's, with its options. */
export interface EdgeSelector {
  /** Its name, with the options that are not at their defaults. */
  readonly text: string;
  select(input: SelectionInput): EdgeSelection;
}
/** How circuits are chosen. */
export type Selecting = SelectionName | EdgeSelector;

/** How files and messages call a way to choose circuits. */
export const selectionText = (how: Selecting): string => (typeof how === 'string' ? how : how.text);

/** @throws AutoCircuitError by `count` and `edges` for a number that is none, or more edges than there are */
export function edgeSelection(
  graph: Graph,
  scores: PruneScores,
  how: Selecting,
  { rankBy = 'absolute', standardErrors }: Partial<Pick<SelectionInput, 'rankBy' | 'standardErrors'>> = {},
): EdgeSelection {
  if (typeof how === 'string') return MAKERS[how](graph, scores, rankBy);
  return how.select({ graph, scores, rankBy, ...(standardErrors ? { standardErrors } : {}) });
}

const MAKERS: Readonly<Record<SelectionName, (graph: Graph, scores: PruneScores, by: RankBy) => EdgeSelection>> = {
  threshold(graph, scores, by) {
    const ranking = rankingOf(graph, scores, by);
    return {
      count: (n) => (n === 0 ? 0 : ranking.reaching(ranking.thresholdFor(n))),
      edges: (n) => (n === 0 ? [] : edgesAbove(graph, scores, ranking.thresholdFor(n), by)),
    };
  },
  top: (graph, scores, by) => firstOf(graph, fallingOrder(graph, scores, by)),
  greedy: (graph, scores, by) => firstOf(graph, greedyOrder(graph, scores, by)),
};

/** Canonical numbers by falling importance, equal ones in canonical order. */
function fallingOrder(graph: Graph, scores: PruneScores, by: RankBy): Uint32Array {
  const importance = importances(graph, scores, by);
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
export function rankingOf(graph: Graph, scores: PruneScores, by: RankBy = 'absolute'): Ranking {
  const rising = importances(graph, scores, by).sort();
  return {
    thresholdFor(k) {
      if (Number.isInteger(k) && k >= 1 && k <= rising.length) return rising[rising.length - k]!;
      return thresholdFor(graph, scores, k, by); // says what is wrong
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
