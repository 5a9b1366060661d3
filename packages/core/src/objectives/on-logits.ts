/**
 * @file Objectives on the host: M for each prompt from logits that are already there, in float64. The slow twin of the
 * program fragments, and what exact activation patching subtracts.
 */
import type { PromptBatch } from '../data/types.js';
import { AutoCircuitError } from '../error.js';
import type { FloatArray, Tensor } from '../ir/tensor.js';
import type { Objective } from '../patch/types.js';
import { promptAnswerValue } from './answers.js';
import { klDivergence, TOKEN_FUNCTIONS } from './token-functions.js';

/** Where a default reference comes from. */
export interface ObjectiveReference {
  /** The clean run's logits `[prompts, vocab]`: what `kl` compares with when the objective names no others. */
  readonly cleanLogits?: Tensor<FloatArray>;
}

/**
 * M for each prompt `[prompts]` of `logits` `[prompts, vocab]`: a loss, so higher is worse for the answer.
 * answers: −(mean over answers − mean over wrong answers) of f(logits), or −mean over answers · mse: mean over the
 * vocabulary of (f(logits) − targets)² · kl: KL(reference ‖ run) in nats.
 *
 * @throws AutoCircuitError for prompts without the answers it needs, or targets of another shape.
 */
export function objectiveOnLogits(
  objective: Objective,
  logits: Tensor<FloatArray>,
  batch: PromptBatch,
  reference: ObjectiveReference = {},
): Float64Array {
  const rows = logitRows(logits, batch);
  const loss = LOSSES[objective.kind] as (o: Objective, b: PromptBatch, r: ObjectiveReference) => RowLoss;
  const ofRow = loss(objective, batch, reference);
  return Float64Array.from(rows, ofRow);
}

type RowLoss = (row: FloatArray, index: number) => number;
type Losses = {
  readonly [K in Objective['kind']]: (
    objective: Extract<Objective, { kind: K }>,
    batch: PromptBatch,
    reference: ObjectiveReference,
  ) => RowLoss;
};

const LOSSES: Losses = {
  answers:
    ({ tokenFunction, value }, batch) =>
    (row, i) =>
      -promptAnswerValue(row, batch.prompts[i]!, tokenFunction, value),
  mse: ({ tokenFunction, targets }, batch) => {
    const targetRows = logitRows(targets, batch, 'the targets of the mse objective');
    return (row, i) => {
      const target = targetRows[i]!;
      if (target.length !== row.length)
        throw wrongShape('the targets of the mse objective', [row.length], targets.shape);
      const of = TOKEN_FUNCTIONS[tokenFunction](row);
      let sum = 0;
      for (let token = 0; token < row.length; token++) sum += (of(token) - target[token]!) ** 2;
      return sum / row.length;
    };
  },
  kl: ({ referenceLogits }, batch, { cleanLogits }) => {
    const reference = referenceLogits ?? cleanLogits;
    if (!reference) {
      throw new AutoCircuitError({
        where: 'core/objectives',
        what: 'KL has nothing to compare with',
        expected: "the objective's referenceLogits or the clean run's logits",
        kind: 'internal',
      });
    }
    const rows = logitRows(reference, batch, 'the reference of the kl objective');
    return (row, i) => {
      if (rows[i]!.length !== row.length)
        throw wrongShape('the reference of the kl objective', [row.length], reference.shape);
      return klDivergence(rows[i]!, row);
    };
  },
};

/** The rows of `[prompts, vocab]`, one for each prompt of the batch. */
export function logitRows(logits: Tensor<FloatArray>, batch: PromptBatch, what = 'the logits'): FloatArray[] {
  const [prompts, size] = logits.shape;
  if (logits.shape.length !== 2 || prompts !== batch.prompts.length) {
    throw wrongShape(what, [batch.prompts.length, size ?? 0], logits.shape);
  }
  return batch.prompts.map((_, i) => logits.data.subarray(i * size!, (i + 1) * size!));
}

function wrongShape(what: string, expected: readonly number[], got: readonly number[]): AutoCircuitError {
  return new AutoCircuitError({
    where: 'core/objectives',
    what: `${what} do not fit the batch`,
    expected: `[${expected.join(', ')}]`,
    got: `[${got.join(', ')}]`,
  });
}
