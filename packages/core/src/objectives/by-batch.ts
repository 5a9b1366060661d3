/** @file Objectives that carry a tensor for all prompts (mse targets, KL references), cut to the batch that is run. */

import { AutoCircuitError } from '../errors/error.js';
import type { PromptBatch } from '../prompts/types.js';
import { elementCount, floatTensor, type Tensor } from '../tensor/tensor.js';
import type { Objective } from './objective.js';

/**
 * The objective for each batch. Tensors of the objective are `[prompts, positions?, vocab]` over the prompts of all batches, in
 * order; each batch gets its rows. Objectives without tensors are the same for every batch.
 *
 * @throws AutoCircuitError when a tensor has another number of rows than there are prompts.
 */
export function objectiveByBatch(objective: Objective, batches: readonly PromptBatch[]): Objective[] {
  const cut = CUTS[objective.kind] as (o: Objective, b: readonly PromptBatch[]) => Objective[];
  return cut(objective, batches);
}

type Cuts = {
  readonly [K in Objective['kind']]: (
    objective: Extract<Objective, { kind: K }>,
    batches: readonly PromptBatch[],
  ) => Objective[];
};
const CUTS: Cuts = {
  answers: (objective, batches) => batches.map(() => objective),
  mse: (objective, batches) => {
    if (!objective.targets) return batches.map(() => objective);
    return cutRows(objective.targets, batches, 'targets').map((targets) => ({ ...objective, targets }));
  },
  kl: (objective, batches) => {
    if (!objective.referenceLogits) return batches.map(() => objective);
    const rows = cutRows(objective.referenceLogits, batches, 'reference logits');
    return rows.map((referenceLogits) => ({ ...objective, referenceLogits }));
  },
  fragment: (objective, batches) => {
    if (!objective.referenceLogits) return batches.map(() => objective);
    const rows = cutRows(objective.referenceLogits, batches, 'reference logits');
    return rows.map((referenceLogits) => ({ ...objective, referenceLogits }));
  },
  host: (objective, batches) => batches.map(() => objective),
};

function cutRows(tensor: Tensor<Float32Array>, batches: readonly PromptBatch[], what: string): Tensor<Float32Array>[] {
  const total = batches.reduce((n, batch) => n + batch.prompts.length, 0);
  const [rows, ...rest] = tensor.shape;
  if (rest.length < 1 || rest.length > 2 || rows !== total) {
    throw new AutoCircuitError({
      code: 'wrong-shape',
      fields: { shape: tensor.shape, expectedShape: [total, ...rest] },
      where: 'core/objectives',
      what: `the ${what} of the objective do not match the prompts`,
      expected: `one row for each of ${total} prompts`,
      got: `[${tensor.shape.join(', ')}]`,
      fix: 'give [prompts, vocab] over all prompts in their order',
    });
  }
  const size = elementCount(rest);
  let start = 0;
  return batches.map(({ prompts }) => {
    const first = start;
    start += prompts.length;
    return floatTensor(tensor.data.slice(first * size, start * size), [prompts.length, ...rest]);
  });
}
