/**
 * @file Scores of the single numbers that a node writes to the residual stream: (patch − current) · ∂M/∂(what is written).
 * Their sum over a node's numbers is the node's score; in the factorized graph that is the sum of its edges' scores.
 */
import type { Graph } from '../../graph/types.js';
import type { ProgramBuilder } from '../../ir/builder/builder.js';
import type { AnyValue } from '../../ir/program/program.js';
import type { PatchPoints } from '../../model/patch-points.js';
import type { ActivationDifferences } from './activation-differences.js';

/** The output of a program that holds the scores of what a source module's nodes write. */
export const neuronOutputName = (module: string): string => `neurons:${module}`;

/** `points`, and `collect` gets what each source block adds to the residual stream, [batch, pos, dModel]. */
export function watchedPoints(
  graph: Graph,
  points: PatchPoints,
  collect: (site: string, written: AnyValue) => void,
): PatchPoints {
  const watched = (site: string, written: AnyValue): AnyValue => {
    if (graph.sourceBlocks.some((block) => block.site === site)) collect(site, written);
    return written;
  };
  return {
    ...points,
    outOf: (site, ...rest) => watched(site, points.outOf(site, ...rest)),
    stream: (site, residual) => watched(site, points.stream(site, residual)),
  };
}

/**
 * Outputs the scores of each source module, [batch, pos?, rows, dModel]; without `pos` the sum over positions.
 * @param gradients ∂M/∂(what is added to the residual) by site, [batch, pos, dModel]
 */
export function outputNeurons(
  b: ProgramBuilder,
  graph: Graph,
  differences: ActivationDifferences,
  gradients: ReadonlyMap<string, AnyValue>,
): void {
  const keepPositions = graph.options.positions !== null;
  for (const { site, module, start, stop } of graph.sourceBlocks) {
    const [difference] = differences.bySourceBlock(start, stop); // [rows, batch, pos, dModel]
    const products = b.mul(difference!.value, gradients.get(site)!); // a block's rows are added up, so they share its gradient
    const scores = keepPositions ? b.transpose(products, [1, 2, 0, 3]) : b.transpose(b.sum(products, 2), [1, 0, 2]);
    b.output(neuronOutputName(module), scores);
  }
}
