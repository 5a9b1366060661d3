/** @file Which circuit sizes to test. */
import { AutoCircuitError } from '../errors/error.js';
import type { RankBy } from './edge-ranking-names.js';
import { importances } from './scores.js';
import type { Graph, PruneScores } from './types.js';

/**
 * - `all`: every size from 0
 * - `log`: 1 … 10, 20 … 100, 200 …: whole multiples of their own power of ten
 * - `groups`: sizes at which no group of equal importance is cut
 * - a list: sizes, or (below 1) fractions of the edge count, rounded down
 */
export type EdgeCountsRule = 'all' | 'log' | 'groups' | readonly number[];

/** Which circuit sizes are wanted. */
export interface EdgeCountsSettings {
  /** Default: `groups` when the scores have fewer distinct importances than min(edges/2, 100), else `log` above 200 edges, else `all`. */
  readonly rule?: EdgeCountsRule;
  /** Needed for `groups`, and for the default to choose it. */
  readonly scores?: PruneScores;
  /** What edges are ranked by. Default: |score|. */
  readonly rankBy?: RankBy;
  /** Whether size 0 is tested. Default: yes, but not for a list or groups of one or two sizes (a circuit that is known, not ranked). */
  readonly zero?: boolean;
  /** Whether the whole graph is tested. Default as for `zero`. */
  readonly all?: boolean;
  /** The size of the known circuit, tested too. */
  readonly trueCount?: number;
}

/**
 * The circuit sizes to test, ascending, as AutoCircuit chooses them. A size that a list gives twice (after rounding)
 * stands twice; `new Set` makes them distinct. Sizes above the edge count are refused where edges are chosen (`topEdges`).
 * @throws AutoCircuitError for `groups` without scores and for list entries that are no size or fraction.
 */
export function edgeCounts(graph: Graph, settings: EdgeCountsSettings = {}): number[] {
  const { scores, trueCount } = settings;
  const groups = scores && groupEnds(graph, scores, settings.rankBy);
  const rule = settings.rule ?? ruleFor(graph, groups);
  const counts = countsBy(graph, rule, groups);
  // One or two groups are the encoding of a known circuit, not a ranking: then only its own size is of interest.
  const ends = rule === 'all' || rule === 'log' || counts.length > 2;
  const chosen = withEnd(withEnd(counts, 0, settings.zero ?? ends), graph.edgeCount, settings.all ?? ends);
  if (trueCount !== undefined && !chosen.includes(trueCount)) chosen.push(trueCount);
  return chosen.sort((a, b) => a - b);
}

/** The rule that is taken where none is asked for. */
export const defaultRule = (graph: Graph, scores?: PruneScores, rankBy?: RankBy): EdgeCountsRule =>
  ruleFor(graph, scores && groupEnds(graph, scores, rankBy));

function ruleFor(graph: Graph, groups: readonly number[] | undefined): EdgeCountsRule {
  if (groups && groups.length < Math.min(graph.edgeCount / 2, 100)) return 'groups';
  return graph.edgeCount > 200 ? 'log' : 'all';
}

function countsBy(graph: Graph, rule: EdgeCountsRule, groups: readonly number[] | undefined): number[] {
  if (typeof rule !== 'string') return rule.map((entry) => listed(graph, entry));
  return NAMED[rule](graph, groups);
}

const NAMED: Readonly<Record<Extract<EdgeCountsRule, string>, (graph: Graph, groups?: readonly number[]) => number[]>> =
  {
    all: (graph) => Array.from({ length: graph.edgeCount + 1 }, (_, n) => n),
    log: (graph) => {
      const counts: number[] = [];
      for (let power = 1; power < graph.edgeCount; power *= 10) {
        for (let n = power; n < 10 * power && n < graph.edgeCount; n += power) counts.push(n);
      }
      return counts;
    },
    groups: (_, groups) => {
      if (groups) return [...groups];
      throw new AutoCircuitError({
        code: 'missing-option',
        fields: { option: 'scores' },
        where: 'edge counts',
        what: 'sizes by groups of equal score need scores',
        fix: 'give scores or another rule',
      });
    },
  };

/** Numbers of edges at which the importance changes, going down: the cumulative sizes of groups of equal importance. */
function groupEnds(graph: Graph, scores: PruneScores, rankBy?: RankBy): number[] {
  const sorted = importances(graph, scores, rankBy).sort().reverse();
  const ends: number[] = [];
  sorted.forEach((importance, i) => {
    if (importance !== sorted[i + 1]) ends.push(i + 1);
  });
  return ends;
}

function listed(graph: Graph, entry: number): number {
  if (entry >= 0 && entry < 1) return Math.trunc(graph.edgeCount * entry);
  if (Number.isInteger(entry) && entry >= 1) return entry;
  throw new AutoCircuitError({
    code: 'invalid-edge-count',
    fields: { edges: entry, edgeCount: graph.edgeCount },
    where: 'edge counts',
    what: 'a circuit size is not usable',
    expected: 'a whole number from 0, or a fraction below 1',
    got: `${entry}`,
  });
}

function withEnd(counts: readonly number[], end: number, wanted: boolean): number[] {
  if (!wanted) return counts.filter((count) => count !== end);
  return counts.includes(end) ? [...counts] : [...counts, end];
}
