/** @file From K and V inputs by query head to inputs by KV head: gradient scores add up; nothing converts back. */
import { AutoCircuitError } from '../errors/error.js';
import { type FloatArray, floatTensor, type Tensor } from '../tensor/tensor.js';
import { buildGraph, scoreShape } from './build.js';
import { checkScores } from './score-index.js';
import type { Graph, PruneScores } from './types.js';

/**
 * The same scores on the smaller graph: the query heads of a group share one K and one V input, and a gradient with
 * respect to the shared input is the sum of theirs. Only scores that are linear in the mask (gradients) convert.
 * @throws AutoCircuitError unless the graph has K and V inputs for every query head of a model with grouped queries.
 */
export function sumToKvHeads(
  graph: Graph,
  scores: PruneScores,
): { readonly graph: Graph; readonly scores: PruneScores } {
  const { layout, options } = graph;
  if (
    layout.kind !== 'transformer' ||
    layout.kvHeads === layout.heads ||
    !options.splitQkv ||
    options.kvInputs !== 'query-head'
  ) {
    throw new AutoCircuitError({
      code: 'unsupported-graph',
      where: 'scores',
      what: 'these scores cannot be summed to KV heads',
      expected: 'a graph with K and V inputs by query head, of a model with fewer KV heads than query heads',
      got: layout.kind === 'transformer' && layout.kvHeads < layout.heads ? 'no such inputs' : 'no grouped queries',
    });
  }
  checkScores(graph, scores);
  const small = buildGraph(layout, { ...options, kvInputs: 'kv-head' });
  const group = layout.heads / layout.kvHeads;
  const summed: Record<string, Tensor<FloatArray>> = {};
  for (const block of small.destinationBlocks) {
    const tensor = scores[block.module]!;
    summed[block.module] =
      block.input === 'k' || block.input === 'v' ? sumRows(tensor, group, scoreShape(small, block)) : tensor;
  }
  return { graph: small, scores: Object.freeze(summed) };
}

/** [position?, heads, sources] → `shape` [position?, kvHeads, sources], adding `group` rows in turn; in float64. */
function sumRows({ data }: Tensor<FloatArray>, group: number, shape: number[]): Tensor<FloatArray> {
  const width = shape.at(-1)!;
  const sums = new Float64Array(data.length / group);
  for (let i = 0; i < data.length; i++) sums[Math.floor(i / (group * width)) * width + (i % width)]! += data[i]!;
  return floatTensor<FloatArray>(data instanceof Float32Array ? Float32Array.from(sums) : sums, shape);
}
