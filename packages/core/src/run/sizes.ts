/** @file From scores and the sizes asked for to the circuits that are measured. */
import { AutoCircuitError } from '../error.js';
import { connectedPart, makeCircuit } from '../graph/circuit.js';
import { edgeCounts } from '../graph/edge-counts.js';
import { edgesAbove, importances, thresholdFor } from '../graph/scores.js';
import type { Circuit, Graph, PruneScores } from '../graph/types.js';
import type { CircuitRunSettings } from './measure.js';
import type { CircuitSizes } from './schemas.js';

/** A circuit to measure. Its edges are made when asked for: all circuits of a large graph would not fit in memory. */
export interface SizedCircuit {
  /** The size asked for; null when it was not asked for by size. */
  readonly requested: number | null;
  /** Edges of the circuit, ties included. */
  readonly edges: number;
  make(): MadeCircuit;
}
export interface MadeCircuit {
  readonly circuit: Circuit;
  /** What is left without edges that cannot change the output; it has the same outputs. */
  readonly connected: Circuit;
}

/**
 * The circuits to measure, by rising number of edges, each once: sizes that ties make equal are one circuit.
 * @param keep a size that must be among them
 * @throws AutoCircuitError for sizes the graph does not have
 */
export function circuitsToMeasure(
  graph: Graph,
  scores: PruneScores,
  sizes: CircuitSizes,
  settings: CircuitRunSettings,
  keep?: number,
): SizedCircuit[] {
  const ranking = rankingOf(graph, scores);
  const chosen = new Map<number, SizedCircuit>();
  const counts = sizes.by === 'threshold' ? [] : countsOf(graph, scores, sizes);
  if (keep !== undefined) counts.push(keep);
  for (const requested of [...new Set(counts)].sort((a, b) => a - b)) {
    const threshold = requested === 0 ? Number.NaN : ranking.thresholdFor(requested);
    const edges = requested === 0 ? 0 : ranking.reaching(threshold);
    if (requested !== edges && chosen.has(edges)) continue;
    const edgesOf = (): readonly number[] => (requested === 0 ? [] : edgesAbove(graph, scores, threshold));
    chosen.set(edges, { requested, edges, make: () => madeCircuit(makeCircuit(graph, edgesOf()), settings) });
  }
  if (sizes.by === 'threshold') {
    const edges = ranking.reaching(sizes.threshold);
    if (edges === 0) throw noEdgeReaches(sizes.threshold);
    const make = () => madeCircuit(makeCircuit(graph, edgesAbove(graph, scores, sizes.threshold)), settings);
    if (!chosen.has(edges)) chosen.set(edges, { requested: null, edges, make });
  }
  return [...chosen.values()].sort((a, b) => a.edges - b.edges);
}

/** One circuit that is known, not chosen by scores. */
export function knownCircuit(circuit: Circuit, settings: CircuitRunSettings): SizedCircuit {
  return { requested: null, edges: circuit.edges.length, make: () => madeCircuit(circuit, settings) };
}

/**
 * Drops edges without a way out, which never show. Edges without a way in carry exactly their patch value only in a tree
 * patch under resample, so only there they go too.
 */
function madeCircuit(circuit: Circuit, settings: CircuitRunSettings): MadeCircuit {
  const requireWayIn = settings.patchType === 'tree' && settings.ablation === 'resample';
  return { circuit, connected: connectedPart(circuit, { requireWayIn, requireWayOut: true }) };
}

interface Ranking {
  /** The k-th largest importance. */
  thresholdFor(k: number): number;
  /** How many edges have at least this importance. */
  reaching(threshold: number): number;
}

/** What `topEdges` finds, for many sizes with one sort. */
function rankingOf(graph: Graph, scores: PruneScores): Ranking {
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

const noEdgeReaches = (threshold: number): AutoCircuitError =>
  new AutoCircuitError({
    where: 'measure',
    what: 'no edge reaches the threshold',
    got: `--threshold ${threshold}`,
    fix: 'lower it, or choose sizes with --edges',
  });

function countsOf(graph: Graph, scores: PruneScores, sizes: Exclude<CircuitSizes, { by: 'threshold' }>): number[] {
  if (sizes.by === 'list')
    return edgeCounts(graph, {
      rule: sizes.counts,
      zero: sizes.counts.includes(0),
      all: sizes.counts.includes(graph.edgeCount),
    });
  return edgeCounts(graph, sizes.rule === 'default' ? { scores } : { scores, rule: sizes.rule });
}

/** What ties made of the sizes, in a sentence, or null. */
export function tiesWarning(circuits: readonly SizedCircuit[]): string | null {
  const tied = circuits.filter(({ requested, edges }) => requested !== null && requested !== edges);
  if (tied.length === 0) return null;
  const shown = tied.slice(0, 5).map(({ requested, edges }) => `${requested} asked, ${edges} kept`);
  return `edges with equal scores are kept together: ${shown.join('; ')}${tied.length > 5 ? `; and ${tied.length - 5} more sizes` : ''}`;
}
