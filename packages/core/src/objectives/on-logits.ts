/**
 * @file Objectives on the host: M for each prompt from logits that are already there, in float64. The slow twin of the
 * program fragments, and what exact activation patching subtracts.
 */

import { AutoCircuitError } from '../errors/error.js';
import type { PromptBatch } from '../prompts/types.js';
import type { FloatArray, Tensor } from '../tensor/tensor.js';
import { promptAnswerValue } from './answers.js';
import type { Objective } from './objective.js';
import { fragmentLosses, hostLosses } from './on-host.js';
import { meanOverAnswers, meanOverPositions, positionRows, promptTargets, wrongShape } from './output-rows.js';
import { klDivergence, TOKEN_FUNCTIONS } from './token-functions.js';

/** Where a default reference comes from. */
export interface ObjectiveReference {
  /** The clean run's logits, shaped like those to judge: what `kl` compares with when the objective names no others. */
  readonly cleanLogits?: Tensor<FloatArray>;
}

/**
 * M for each prompt `[prompts]` of `logits` `[prompts, vocab]`, or `[prompts, positions, vocab]`: a loss, so higher is worse for
 * the answer. answers: −(mean over answers − mean over wrong answers) of f(logits), or −mean over answers · mse: mean over the
 * vocabulary of (f(logits) − targets)² · kl: KL(reference ‖ run) in nats. Of several positions, the mean.
 *
 * @throws AutoCircuitError for prompts without the answers it needs, or targets of another shape.
 */
export function objectiveOnLogits(
  objective: Objective,
  logits: Tensor<FloatArray>,
  batch: PromptBatch,
  reference: ObjectiveReference = {},
): Float64Array {
  if (objective.kind === 'fragment') return fragmentLosses(objective, logits, batch, reference.cleanLogits);
  if (objective.kind === 'host') return hostLosses(objective, logits, batch);
  const rows = positionRows(logits, batch);
  const loss = LOSSES[objective.kind] as (o: Objective, b: PromptBatch, r: ObjectiveReference) => PromptLoss;
  const ofPrompt = loss(objective, batch, reference);
  return Float64Array.from(rows, ofPrompt);
}

/** Of a prompt's rows, one for each position read. */
type PromptLoss = (rows: readonly FloatArray[], index: number) => number;
type Losses = {
  readonly [K in Exclude<Objective['kind'], 'fragment' | 'host'>]: (
    objective: Extract<Objective, { kind: K }>,
    batch: PromptBatch,
    reference: ObjectiveReference,
  ) => PromptLoss;
};

const LOSSES: Losses = {
  answers:
    ({ tokenFunction, value }, batch) =>
    (rows, i) =>
      -meanOverAnswers(rows, batch.prompts[i]!, (row, sides) => promptAnswerValue(row, sides, tokenFunction, value)),
  mse: ({ tokenFunction, targets }, batch) => {
    const wanted = targets ?? promptTargets(batch);
    const targetRows = comparable(wanted, batch, 'the targets of the mse objective');
    return (rows, i) =>
      meanOverPositions(rows, (row, position) => {
        const target = targetRows(rows, i)[position]!;
        const of = TOKEN_FUNCTIONS[tokenFunction](row);
        let sum = 0;
        for (let token = 0; token < row.length; token++) sum += (of(token) - target[token]!) ** 2;
        return sum / row.length;
      });
  },
  kl: ({ referenceLogits }, batch, { cleanLogits }) => {
    const reference = referenceLogits ?? cleanLogits;
    if (!reference) {
      throw new AutoCircuitError({
        code: 'internal',
        where: 'core/objectives',
        what: 'KL has nothing to compare with',
        expected: "the objective's referenceLogits or the clean run's logits",
        kind: 'internal',
      });
    }
    const referenceRows = comparable(reference, batch, 'the reference of the kl objective');
    return (rows, i) =>
      meanOverPositions(rows, (row, position) => klDivergence(referenceRows(rows, i)[position]!, row));
  },
};

/** The rows of a prompt that its own are compared with. @throws AutoCircuitError when they have another shape */
function comparable(
  tensor: Tensor<FloatArray>,
  batch: PromptBatch,
  what: string,
): (rows: readonly FloatArray[], index: number) => readonly FloatArray[] {
  const known = positionRows(tensor, batch, what);
  return (rows, i) => {
    const [same, size] = [known[i]!, rows[0]!.length];
    if (same.length === rows.length && same[0]!.length === size) return same;
    throw wrongShape(what, [batch.prompts.length, ...(rows.length > 1 ? [rows.length] : []), size], tensor.shape);
  };
}
