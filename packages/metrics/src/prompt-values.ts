/** @file One number for each prompt from the outputs of a run, over all batches in prompt order. */
import {
  type AnswerValue,
  AutoCircuitError,
  type BatchOutputs,
  klDivergence,
  type Prompt,
  promptAnswerValue,
  type TokenFunction,
} from '@auto-circuit/core';

/** `of(row, prompt)` for every prompt; `row` [outputSize]. */
export function eachPrompt<T>(
  outputs: readonly BatchOutputs[],
  outputSize: number,
  of: (row: Float32Array, prompt: Prompt) => T,
): T[] {
  return outputs.flatMap(({ batch, logits }) => {
    if (logits.length !== batch.prompts.length * outputSize) {
      throw new AutoCircuitError({
        where: 'metrics',
        what: 'the outputs do not fit their batch',
        expected: `${batch.prompts.length} × ${outputSize} logits`,
        got: `${logits.length}`,
        kind: 'internal',
      });
    }
    return batch.prompts.map((prompt, i) => of(logits.subarray(i * outputSize, (i + 1) * outputSize), prompt));
  });
}

/** Each prompt's answer value: mean over answers, over wrong answers, or the difference. */
export function answerValues(
  outputs: readonly BatchOutputs[],
  outputSize: number,
  tokenFunction: TokenFunction,
  value: AnswerValue,
): number[] {
  return eachPrompt(outputs, outputSize, (row, prompt) => promptAnswerValue(row, prompt, tokenFunction, value));
}

/** Each prompt's KL(reference ‖ run), in nats. The two lists hold the same batches. */
export function klValues(
  reference: readonly BatchOutputs[],
  run: readonly BatchOutputs[],
  outputSize: number,
): number[] {
  const referenceRows = eachPrompt(reference, outputSize, (row) => row);
  const runRows = eachPrompt(run, outputSize, (row) => row);
  if (referenceRows.length !== runRows.length) {
    throw new AutoCircuitError({
      where: 'metrics',
      what: 'the runs to compare hold different prompts',
      expected: `${referenceRows.length} prompts`,
      got: `${runRows.length}`,
      kind: 'internal',
    });
  }
  return runRows.map((row, i) => klDivergence(referenceRows[i]!, row));
}
