/** @file One number for each prompt from the outputs of a run, over all batches in prompt order; of several positions, the mean. */
import {
  type AnswerSides,
  type AnswerValue,
  AutoCircuitError,
  answerRows,
  type BatchOutputs,
  type FloatArray,
  klByPrompt,
  meanOverAnswers,
  meanOverPositions,
  type OutputRow,
  outputRows,
  promptAnswerValue,
  type TokenFunction,
} from '@auto-circuit/core/plugin';

/** `of(row, answers)` for every prompt, the mean over the positions that are read. */
export function eachPrompt(
  outputs: readonly BatchOutputs[],
  outputSize: number,
  of: (row: OutputRow, sides: AnswerSides) => number,
): number[] {
  return outputs.flatMap((batchOutputs) => {
    const rows = answerRows(batchOutputs, outputSize);
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
export function klValues(
  reference: readonly BatchOutputs[],
  run: readonly BatchOutputs[],
  outputSize: number,
): number[] {
  checkSamePrompts(reference, run);
  return run.flatMap((outputs, b) => klByPrompt(reference[b]!, outputs, outputSize));
}

/** `of(reference row, row)` of each prompt, the mean over positions. */
export function comparedValues(
  reference: readonly BatchOutputs[],
  run: readonly BatchOutputs[],
  outputSize: number,
  of: (reference: FloatArray, row: FloatArray) => number,
): number[] {
  checkSamePrompts(reference, run);
  return run.flatMap((outputs, b) => {
    const referenceRows = outputRows(reference[b]!, outputSize);
    return outputRows(outputs, outputSize).map((rows, i) =>
      meanOverPositions(rows, (row, position) => of(referenceRows[i]![position]!, row)),
    );
  });
}

/** Both are runs of the same batches. */
function checkSamePrompts(reference: readonly BatchOutputs[], run: readonly BatchOutputs[]): void {
  const sizes = (outputs: readonly BatchOutputs[]) => outputs.map(({ batch }) => batch.prompts.length).join(' + ');
  if (sizes(reference) === sizes(run)) return;
  throw new AutoCircuitError({
    code: 'internal',
    where: 'metrics',
    what: 'the runs to compare have different prompts',
    expected: `${sizes(reference)} prompts`,
    got: sizes(run),
    kind: 'internal',
  });
}
