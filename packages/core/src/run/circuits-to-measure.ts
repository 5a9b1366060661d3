/** @file From scores and the sizes asked for to the circuits that are measured. */
import { AutoCircuitError } from '../errors/error.js';
import { connectedPart, makeCircuit } from '../graph/circuit.js';
import { defaultRule, edgeCounts } from '../graph/circuit-sizes.js';
import { edgeSelection, rankingOf, type Selecting, selectionText } from '../graph/edge-ranking.js';
import type { RankBy } from '../graph/edge-ranking-names.js';
import { edgesAbove } from '../graph/scores.js';
import type { Circuit, Graph, PruneScores } from '../graph/types.js';
import type { CircuitSizes } from '../run-folder/schemas.js';
import type { CircuitRunSettings } from './run-circuits.js';
import type { ScoredEdges } from './scored-edges.js';
import { coarseSizes, fineSizes, SEARCHED_FROM_EDGES } from './size-search.js';

/** A circuit to measure. Its edges are made when asked for: all circuits of a large graph would not fit in memory. */
export interface SizedCircuit {
  /** The size asked for; null when it was not asked for by size. */
  readonly requested: number | null;
  /** Edges of the circuit, ties included. */
  readonly edges: number;
  make(): MadeCircuit;
}
/** What is measured: some circuits first, then those that are wanted one after the other. */
export interface SizePlan {
  /** By rising size. */
  readonly first: readonly SizedCircuit[];
  /** What may be measured between them, `first` included, by rising size; without it nothing else is. */
  readonly between?: readonly SizedCircuit[];
}
/** A circuit of one size, as it is measured and as it is drawn. */
export interface MadeCircuit {
  readonly circuit: Circuit;
  /** What is left without edges that cannot change the output; it has the same outputs. */
  readonly connected: Circuit;
  /** Of a selection that searches: by how much the best total may be above this one's, as a share. */
  readonly gap?: number;
}

/** How circuits are run, and how their edges are chosen by scores. */
export interface SelectionSettings extends CircuitRunSettings {
  /** Default: `threshold`. */
  readonly select?: Selecting;
  /** What edges are ranked by. Default: `absolute`. */
  readonly rankBy?: RankBy;
}

/**
 * The circuits to measure, by rising number of edges, each once: sizes that ties make equal are one circuit.
 * @param keep a size that must be among them
 * @throws AutoCircuitError for sizes the graph does not have, or a threshold where edges are chosen otherwise
 */
export function circuitsToMeasure(
  graph: Graph,
  { scores, standardErrors }: ScoredEdges,
  sizes: CircuitSizes,
  settings: SelectionSettings,
  keep?: number,
): SizedCircuit[] {
  const { select = 'threshold', rankBy = 'absolute' } = settings;
  checkSelection(sizes, select);
  const selection = edgeSelection(graph, scores, select, { rankBy, standardErrors });
  const chosen = new Map<number, SizedCircuit>();
  const counts = sizes.by === 'threshold' ? [] : countsOf(graph, scores, sizes, rankBy);
  if (keep !== undefined) counts.push(keep);
  for (const requested of [...new Set(counts)].sort((a, b) => a - b)) {
    const edges = selection.count(requested);
    if (requested !== edges && chosen.has(edges)) continue;
    const make = () => ({
      ...madeCircuit(makeCircuit(graph, selection.edges(requested)), settings),
      ...(selection.gap ? { gap: selection.gap(requested) } : {}),
    });
    chosen.set(edges, { requested, edges, make });
  }
  if (sizes.by === 'threshold') {
    const edges = rankingOf(graph, scores, rankBy).reaching(sizes.threshold);
    if (edges === 0) throw noEdgeReaches(sizes.threshold);
    const make = () => madeCircuit(makeCircuit(graph, edgesAbove(graph, scores, sizes.threshold, rankBy)), settings);
    if (!chosen.has(edges)) chosen.set(edges, { requested: null, edges, make });
  }
  return [...chosen.values()].sort((a, b) => a.edges - b.edges);
}

/**
 * What to measure: the circuits that were asked for; or, by the default rule on a large graph whose scores all differ, a coarse
 * grid and what a search for the smallest faithful circuit may measure between.
 * @param keep a size that must be among them: then there is nothing to search for
 * @throws AutoCircuitError like `circuitsToMeasure`
 */
export function sizesToMeasure(
  graph: Graph,
  scored: ScoredEdges,
  sizes: CircuitSizes,
  settings: SelectionSettings,
  keep?: number,
): SizePlan {
  const { edgeCount } = graph;
  const { scores } = scored;
  const isDefault = sizes.by === 'rule' && sizes.rule === 'default';
  if (!isDefault || edgeCount < SEARCHED_FROM_EDGES || defaultRule(graph, scores, settings.rankBy) !== 'log') {
    return { first: circuitsToMeasure(graph, scored, sizes, settings, keep) };
  }
  const of = (counts: number[]) => circuitsToMeasure(graph, scored, { by: 'list', counts }, settings, keep);
  const first = of([0, ...coarseSizes(edgeCount), edgeCount]);
  if (keep !== undefined) return { first };
  const measured = new Map(first.map((circuit) => [circuit.edges, circuit]));
  return { first, between: of(fineSizes(edgeCount)).map((circuit) => measured.get(circuit.edges) ?? circuit) };
}

/** The one of `circuits` that was asked to have `keep` edges. */
export function keptCircuit(
  graph: Graph,
  { scores, standardErrors }: ScoredEdges,
  circuits: readonly SizedCircuit[],
  keep: number,
  { select = 'threshold', rankBy = 'absolute' }: Pick<SelectionSettings, 'select' | 'rankBy'> = {},
): SizedCircuit {
  const count = edgeSelection(graph, scores, select, { rankBy, standardErrors }).count(keep);
  return circuits.find(({ edges }) => edges === count)!;
}

/** @throws AutoCircuitError for a threshold where edges are chosen by number */
export function checkSelection(sizes: CircuitSizes, select: Selecting): void {
  if (sizes.by !== 'threshold' || select === 'threshold') return;
  throw new AutoCircuitError({
    code: 'conflicting-options',
    fields: { options: ['select', 'threshold'] },
    where: 'measure',
    what: `a threshold on |score| chooses edges by itself, so "${selectionText(select)}" has nothing to choose`,
    fix: 'choose edges by threshold, or give sizes as numbers of edges',
  });
}

/** One circuit that is known, not chosen by scores. */
export function knownCircuit(circuit: Circuit, settings: CircuitRunSettings): SizedCircuit {
  return { requested: null, edges: circuit.edges.length, make: () => madeCircuit(circuit, settings) };
}

/**
 * Drops edges without a path to the output, which cannot change it. Edges without a path from the input carry exactly
 * their patch value only in a tree patch under resample, so only there they are dropped too.
 */
function madeCircuit(circuit: Circuit, settings: CircuitRunSettings): MadeCircuit {
  const requireWayIn = settings.patchType === 'tree' && settings.ablation === 'resample';
  return { circuit, connected: connectedPart(circuit, { requireWayIn, requireWayOut: true }) };
}

const noEdgeReaches = (threshold: number): AutoCircuitError =>
  new AutoCircuitError({
    code: 'invalid-threshold',
    fields: { threshold },
    where: 'measure',
    what: 'no edge reaches the threshold',
    got: `${threshold}`,
    fix: 'lower it, or give sizes as numbers of edges',
  });

function countsOf(
  graph: Graph,
  scores: PruneScores,
  sizes: Exclude<CircuitSizes, { by: 'threshold' }>,
  rankBy: RankBy,
): number[] {
  if (sizes.by === 'list')
    return edgeCounts(graph, {
      rule: sizes.counts,
      zero: sizes.counts.includes(0),
      all: sizes.counts.includes(graph.edgeCount),
    });
  return edgeCounts(graph, sizes.rule === 'default' ? { scores, rankBy } : { scores, rankBy, rule: sizes.rule });
}

/** What ties made of the sizes, in a sentence, or null. */
export function tiesWarning(circuits: readonly SizedCircuit[]): string | null {
  const tied = circuits.filter(({ requested, edges }) => requested !== null && requested !== edges);
  if (tied.length === 0) return null;
  const shown = tied.slice(0, 5).map(({ requested, edges }) => `${requested} asked, ${edges} kept`);
  return `edges with equal scores are kept together: ${shown.join('; ')}${tied.length > 5 ? `; and ${tied.length - 5} more sizes` : ''}`;
}
