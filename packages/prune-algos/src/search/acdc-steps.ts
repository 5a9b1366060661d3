/** @file The steps of an ACDC search: what is patched at each, and which later ones that settles. */
import { edgeEnds, type Graph } from '@auto-circuit/core/plugin';

/** One thing that the search tries to remove. */
export interface AcdcStep {
  /** Canonical numbers. */
  readonly edges: readonly number[];
  /** How many of the steps that come right after it it settles when it is accepted, since they are parts of it. */
  readonly parts: number;
}

/** Which inputs of a module are tried as a whole. */
const HEAD_INPUTS: readonly string[] = ['q', 'k', 'v'];

/**
 * The steps for edges in this order: each edge by itself; with `blocks`, before neighbours in the order that go into one Q, K
 * or V input of a head (at one position), all of these at once.
 */
export function acdcSteps(graph: Graph, order: readonly number[], blocks: boolean): readonly AcdcStep[] {
  const single = (edge: number): AcdcStep => ({ edges: [edge], parts: 0 });
  if (!blocks) return order.map(single);
  const inputOf = (edge: number): string | null => {
    const { destination, position } = edgeEnds(graph, edge);
    const { input } = graph.destinationBlocks[destination.block]!;
    return HEAD_INPUTS.includes(input) ? `${destination.index}@${position}` : null;
  };
  const steps: AcdcStep[] = [];
  for (let start = 0; start < order.length; ) {
    const input = inputOf(order[start]!);
    let stop = start + 1;
    while (input !== null && stop < order.length && inputOf(order[stop]!) === input) stop++;
    const edges = order.slice(start, stop);
    if (edges.length > 1) steps.push({ edges, parts: edges.length });
    for (const edge of edges) steps.push(single(edge));
    start = stop;
  }
  return steps;
}

/** The steps from `from` on, each with its index, as they come where all are accepted, or where none is. */
export function stepsAhead(steps: readonly AcdcStep[], from: number, accepted: boolean) {
  const ahead: { readonly step: AcdcStep; readonly index: number }[] = [];
  for (let index = from; index < steps.length; index += 1 + (accepted ? steps[index]!.parts : 0)) {
    ahead.push({ step: steps[index]!, index });
  }
  return ahead;
}
