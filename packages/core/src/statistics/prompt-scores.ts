/** @file Scores of single prompts, as algorithms hand them over, and the check of their shapes and numbers. */
import { AutoCircuitError } from '../errors/error.js';
import { scoreShape } from '../graph/build.js';
import type { DestinationBlock, Graph } from '../graph/types.js';
import type { FloatArray, Tensor } from '../tensor/tensor.js';

/** One score array for each prompt, by destination module: `[prompts, position?, head?, sources]`. */
export interface PromptScores {
  readonly tensors: Readonly<Record<string, Tensor<FloatArray>>>;
}

/** The number of prompts, after a look at every shape and number. */
export function checkedPrompts(graph: Graph, gradients: PromptScores): number {
  let prompts: number | undefined;
  for (const block of graph.destinationBlocks) {
    const tensor = gradients.tensors[block.module];
    prompts ??= tensor?.shape[0] ?? 0;
    const expected = [prompts, ...scoreShape(graph, block)];
    if (!tensor || tensor.shape.join() !== expected.join()) {
      throw new AutoCircuitError({
        code: 'wrong-scores',
        fields: { module: block.module, shape: tensor?.shape, expectedShape: expected },
        where: 'run',
        what: `scores of "${block.module}" have the wrong shape`,
        expected: `[${expected.join(', ')}]`,
        got: tensor ? `[${tensor.shape.join(', ')}]` : 'nothing',
        kind: 'internal',
      });
    }
    refuseNaN(block, tensor);
  }
  return prompts ?? 0;
}

function refuseNaN(block: DestinationBlock, { data }: Tensor<FloatArray>): void {
  const at = data.findIndex(Number.isNaN);
  if (at < 0) return;
  throw new AutoCircuitError({
    code: 'not-finite',
    fields: { module: block.module },
    where: 'run',
    what: `a score of "${block.module}" is not a number`,
    fix: 'check the model for overflow on these prompts',
  });
}
