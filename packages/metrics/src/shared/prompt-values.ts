/** @file One number for each prompt from the outputs of a run, over all batches in prompt order; of several positions, the mean. */
import {
  type AnswerSides,
  type AnswerValue,
  AutoCircuitError,
  type BatchOutputs,
  type FloatArray,
  klDivergence,
  meanOverAnswers,
  meanOverPositions,
  outputRows,
  promptAnswerValue,
  type TokenFunction,
} from '@auto-circuit/core/plugin';

/** `of(row, answers)` for every prompt, the mean over the positions that are read; `row` [outputSize]. */
export function eachPrompt(
  outputs: readonly BatchOutputs[],
  outputSize: number,
  of: (row: FloatArray, sides: AnswerSides) => number,
): number[] {
  return outputs.flatMap((batchOutputs) => {
    const rows = outputRows(batchOutputs, outputSize);
    return batchOutputs.batch.prompts.map((prompt, i) => meanOverAnswers(rows[i]!, prompt, of));
  });
}

/** Each prompt's answer value: mean over answers, over wrong answers, or the difference. */
export function answerValues(
  outputs: readonly BatchOutputs[],
  outputSize: number,
  tokenFunction: TokenFunction,
  value: AnswerValue,
): number[] {
  return eachPrompt(outputs, outputSize, (row, sides) => promptAnswerValue(row, sides, tokenFunction, value));
}

/** Each prompt's KL(reference ‖ run), in nats, the mean over positions. The two lists hold the same batches. */
export const klValues = (
  reference: readonly BatchOutputs[],
  run: readonly BatchOutputs[],
  outputSize: number,
): number[] => comparedValues(reference, run, outputSize, klDivergence);

/** `of(reference row, row)` of each prompt, the mean over positions. */
export function comparedValues(
  reference: readonly BatchOutputs[],
  run: readonly BatchOutputs[],
  outputSize: number,
  of: (reference: FloatArray, row: FloatArray) => number,
): number[] {
  const rowsOf = (outputs: readonly BatchOutputs[]) => outputs.flatMap((batch) => outputRows(batch, outputSize));
  const [referenceRows, runRows] = [rowsOf(reference), rowsOf(run)];
  if (referenceRows.length !== runRows.length) {
    throw new AutoCircuitError({
      code: 'internal',
      where: 'metrics',
      what: 'the runs to compare have different prompts',
      expected: `${referenceRows.length} prompts`,
      got: `${runRows.length}`,
      kind: 'internal',
    });
  }
  return runRows.map((rows, i) => meanOverPositions(rows, (row, position) => of(referenceRows[i]![position]!, row)));
}
