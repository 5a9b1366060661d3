/** @file What programs gave for edges and nodes, micro-batch by micro-batch, as one tensor for each module. */

import type { Results } from '../../backend/backend.js';
import { scoreShape } from '../../graph/build.js';
import type { Graph } from '../../graph/types.js';
import { floatTensor } from '../../tensor/tensor.js';
import { neuronOutputName } from '../modes/node-outputs.js';
import { scoreOutputName } from '../programs/programs.js';
import type { PromptGradients } from '../requests/patchable-model.js';
import { floats, joinFloats } from './micro-batches.js';

/** The scores of edges by destination module, [prompts, position?, head?, sources]. */
export function scoreTensors(graph: Graph, chunks: readonly Results[], prompts: number): PromptGradients['tensors'] {
  const tensors = graph.destinationBlocks.map((block) => {
    const data = joinFloats(chunks.map((results) => floats(results, scoreOutputName(block.module))));
    return [block.module, floatTensor(data, [prompts, ...scoreShape(graph, block)])] as const;
  });
  return Object.fromEntries(tensors);
}

/** The scores of the numbers that nodes write, by source module, [prompts, position?, rows, dModel]. */
export function neuronTensors(
  { options, layout, sourceBlocks }: Graph,
  chunks: readonly Results[],
  prompts: number,
): NonNullable<PromptGradients['neurons']> {
  const positions = options.positions === null ? [] : [options.positions];
  const tensors = sourceBlocks.map(({ module, start, stop }) => {
    const data = joinFloats(chunks.map((results) => floats(results, neuronOutputName(module))));
    return [module, floatTensor(data, [prompts, ...positions, stop - start, layout.dModel])] as const;
  });
  return Object.fromEntries(tensors);
}
