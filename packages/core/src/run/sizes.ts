/** @file From scores and the sizes asked for to the circuits that are measured. */
import { AutoCircuitError } from '../error.js';
import { connectedPart, makeCircuit } from '../graph/circuit.js';
import { edgeCounts } from '../graph/edge-counts.js';
import { edgesAbove, topEdges } from '../graph/scores.js';
import type { Circuit, Graph, PruneScores } from '../graph/types.js';
import type { CircuitRunSettings } from './measure.js';
import type { CircuitSizes } from './schemas.js';

/** A circuit to measure. */
export interface SizedCircuit {
  /** The size asked for; null when it was not asked for by size. */
  readonly requested: number | null;
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
  const chosen = new Map<number, SizedCircuit>();
  for (const { requested, edges } of chosenEdges(graph, scores, sizes, keep)) {
    const exact = requested === edges.length;
    if (exact || !chosen.has(edges.length)) {
      chosen.set(edges.length, sizedCircuit(makeCircuit(graph, edges), requested, settings));
    }
  }
  return [...chosen.values()].sort((a, b) => a.circuit.edges.length - b.circuit.edges.length);
}

/**
 * Drops edges without a way out, which never show. Edges without a way in carry exactly their patch value only in a tree
 * patch under resample, so only there they go too.
 */
export function sizedCircuit(circuit: Circuit, requested: number | null, settings: CircuitRunSettings): SizedCircuit {
  const requireWayIn = settings.patchType === 'tree' && settings.ablation === 'resample';
  return { requested, circuit, connected: connectedPart(circuit, { requireWayIn, requireWayOut: true }) };
}

interface ChosenEdges {
  readonly requested: number | null;
  readonly edges: readonly number[];
}

function chosenEdges(graph: Graph, scores: PruneScores, sizes: CircuitSizes, keep: number | undefined): ChosenEdges[] {
  const counts = sizes.by === 'threshold' ? [] : countsOf(graph, scores, sizes);
  if (keep !== undefined) counts.push(keep);
  const distinct = [...new Set(counts)].sort((a, b) => a - b);
  const bySize = distinct.map((count) => ({ requested: count, edges: topEdges(graph, scores, count).edges }));
  if (sizes.by !== 'threshold') return bySize;
  const edges = edgesAbove(graph, scores, sizes.threshold);
  if (edges.length === 0) {
    throw new AutoCircuitError({
      where: 'measure',
      what: 'no edge reaches the threshold',
      got: `--threshold ${sizes.threshold}`,
      fix: 'lower it, or choose sizes with --edges',
    });
  }
  return [...bySize, { requested: null, edges }];
}

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
  const tied = circuits.filter(({ requested, circuit }) => requested !== null && requested !== circuit.edges.length);
  if (tied.length === 0) return null;
  const shown = tied.slice(0, 5).map(({ requested, circuit }) => `${requested} asked, ${circuit.edges.length} kept`);
  return `edges with equal scores are kept together: ${shown.join('; ')}${tied.length > 5 ? `; and ${tied.length - 5} more sizes` : ''}`;
}
