/** @file What the page's own script needs, as plain data: nodes with places, the most important edges, the sizes to show. */
import { type Edge, edgeAt, edgesAbove, flattenScores, type ReportInput, thresholdFor } from '@auto-circuit/core';
import type { CircuitLayout } from './circuit-layout.js';

/** More edges than this cannot be told apart in a drawing. */
export const MOST_EDGES = 1000;

export interface RankedEdge {
  readonly edge: Edge;
  readonly score: number;
  readonly standardError?: number;
}

/** The most important edges, falling; equal ones in canonical order: the order of `circuit.json`. */
export function rankedEdges({ graph, scores, standardErrors, circuit }: ReportInput): RankedEdge[] {
  const flat = flattenScores(graph, scores);
  const errors = standardErrors && flattenScores(graph, standardErrors);
  const most = Math.min(graph.edgeCount, Math.max(MOST_EDGES, Math.min(circuit.edges.length, 2 * MOST_EDGES)));
  return edgesAbove(graph, scores, thresholdFor(graph, scores, most))
    .sort((a, b) => falling(Math.abs(flat[a]!), Math.abs(flat[b]!)) || a - b)
    .slice(0, most)
    .map((number) => {
      const ranked = { edge: edgeAt(graph, number), score: flat[number]! };
      return errors ? { ...ranked, standardError: errors[number]! } : ranked;
    });
}
const falling = (a: number, b: number): number => (a === b ? 0 : a > b ? -1 : 1);

export interface PageData {
  readonly nodes: CircuitLayout['nodes'];
  /** [source node, destination node, name, score as text, stroke width, 1 or −1] by falling importance */
  readonly edges: readonly (readonly [number, number, string, string, number, 1 | -1])[];
  /** Numbers of edges that the slider stops at. */
  readonly stops: readonly number[];
  /** Index into `stops` of the circuit that was kept. */
  readonly start: number;
}

export function pageData(
  input: ReportInput,
  layout: CircuitLayout,
  ranked: readonly RankedEdge[],
  text: (edge: RankedEdge) => string,
): PageData {
  const largest = Math.max(...ranked.map(({ score }) => Math.abs(score)).filter(Number.isFinite), 0);
  const edges = ranked.map((entry) => {
    const { edge, score } = entry;
    // Areas, not widths, are what the eye compares: hence the root.
    const share = Number.isFinite(score) ? Math.sqrt(Math.abs(score) / (largest || 1)) : 1;
    const width = Math.round((0.6 + 4.4 * share) * 100) / 100;
    return [
      layout.ofSource[edge.source.index]!,
      layout.ofDestination[edge.destination.index]!,
      edge.name,
      text(entry),
      width,
      score < 0 ? (-1 as const) : (1 as const),
    ] as const;
  });
  const kept = Math.min(input.circuit.edges.length, edges.length);
  const stops = sliderStops(edges.length, kept);
  return { nodes: layout.nodes, edges, stops, start: stops.indexOf(kept) };
}

/** Every size up to 30, then steps of about a tenth; and the size that was kept. */
function sliderStops(most: number, kept: number): number[] {
  const stops = new Set([0, kept, most]);
  for (let n = 1; n < most; n = n < 30 ? n + 1 : Math.ceil(n * 1.1)) stops.add(n);
  return [...stops].sort((a, b) => a - b);
}
