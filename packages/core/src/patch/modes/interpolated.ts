/**
 * @file A reading mode in which one source block, chosen at run time, writes patch + alpha · (current − patch) of two fed runs
 * instead of what it computes: integrated gradients over activations. One program serves every block.
 */
import type { Graph, SourceBlock } from '../../graph/types.js';
import type { ProgramBuilder } from '../../ir/builder/builder.js';
import type { AnyValue } from '../../ir/program/program.js';
import type { PatchPoints } from '../../model/patch-points.js';

/** int [1]: which of the graph's source blocks is replaced. */
export const INTERPOLATED_BLOCK = 'interpolated:block';
/** float [1]: alpha, how much of the current value it has. */
export const INTERPOLATED_ALPHA = 'interpolated:alpha';

/** What the two runs wrote at a block: [rows, batch, pos, width]; `patch` null for zeros. */
export interface InterpolationEnds {
  readonly current: AnyValue;
  readonly patch: AnyValue | null;
}

/** `points`, with the chosen block's output replaced; no gradient passes into what it would have computed. */
export function interpolatedPoints(
  graph: Graph,
  points: PatchPoints,
  endsOf: (block: SourceBlock, shape: AnyValue['shape']) => InterpolationEnds,
): PatchPoints {
  const { builder: b } = points;
  const isSource = (site: string): boolean => graph.sourceBlocks.some((block) => block.site === site);
  const replaced = (site: string, value: AnyValue): AnyValue => {
    const index = graph.sourceBlocks.findIndex((block) => block.site === site);
    const rows = value.shape.length === 3 ? [1, ...value.shape] : value.shape;
    const between = interpolate(b, endsOf(graph.sourceBlocks[index]!, rows));
    const chosen = b.equal(b.input(INTERPOLATED_BLOCK, 'int', [1]), index); // [1]
    return b.where(chosen, b.reshape(between, value.shape), value);
  };
  return {
    ...points,
    // A sum that the trace has already is over what it computed: it cannot be used for what replaces that.
    outOf: (site, value, projection, sum) =>
      isSource(site)
        ? points.outOf(site, replaced(site, value), projection)
        : points.outOf(site, value, projection, sum),
    stream(site, residual) {
      const stream = points.stream(site, residual);
      return isSource(site) ? replaced(site, stream) : stream;
    },
  };
}

/** patch + alpha · (current − patch). */
function interpolate(b: ProgramBuilder, { current, patch }: InterpolationEnds): AnyValue {
  const alpha = b.input(INTERPOLATED_ALPHA, 'float', [1]);
  return patch ? b.add(patch, b.mul(b.sub(current, patch), alpha)) : b.mul(current, alpha);
}
