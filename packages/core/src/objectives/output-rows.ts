/** @file Outputs by prompt and position: what is read of a prompt is the mean over its positions. */

import { AutoCircuitError } from '../errors/error.js';
import { answersRead } from '../prompts/output-positions.js';
import type { AnswerSides, Prompt, PromptBatch } from '../prompts/types.js';
import { type FloatArray, floatTensor, type Tensor } from '../tensor/tensor.js';

/**
 * The rows of `[prompts, outputs]` or `[prompts, positions, outputs]`, by prompt: one for each position read.
 * @throws AutoCircuitError when they do not fit the batch
 */
export function positionRows(logits: Tensor<FloatArray>, batch: PromptBatch, what = 'the logits'): FloatArray[][] {
  const { shape, data } = logits;
  const size = shape.at(-1) ?? 0;
  if (shape[0] !== batch.prompts.length || (shape.length !== 2 && shape.length !== 3)) {
    throw wrongShape(what, [batch.prompts.length, size], shape);
  }
  return rowsOfPrompts(data, batch.prompts.length, size);
}

/** The same of plain numbers, `[prompts, positions?, outputSize]`. @throws AutoCircuitError when they do not fit the batch */
export function outputRows(
  { batch, logits }: { readonly batch: PromptBatch; readonly logits: Float32Array },
  outputSize: number,
): FloatArray[][] {
  const positions = logits.length / (batch.prompts.length * outputSize);
  if (Number.isInteger(positions) && positions > 0) return rowsOfPrompts(logits, batch.prompts.length, outputSize);
  throw new AutoCircuitError({
    code: 'wrong-shape',
    fields: { shape: [logits.length], expectedShape: [batch.prompts.length, outputSize] },
    where: 'core/objectives',
    what: 'the outputs do not fit their batch',
    expected: `${batch.prompts.length} × ${outputSize} logits, or so many for each position read`,
    got: `${logits.length}`,
    kind: 'internal',
  });
}

function rowsOfPrompts(data: FloatArray, prompts: number, size: number): FloatArray[][] {
  const positions = data.length / (prompts * size);
  return Array.from({ length: prompts }, (_, i) =>
    Array.from({ length: positions }, (_, p) => {
      const start = (i * positions + p) * size;
      return data.subarray(start, start + size);
    }),
  );
}

/** Mean over the positions of one prompt. */
export function meanOverPositions<Row = FloatArray>(
  rows: readonly Row[],
  of: (row: Row, position: number) => number,
): number {
  return rows.reduce((sum, row, position) => sum + of(row, position), 0) / rows.length;
}

/** Mean over the positions of one prompt, with its answers at each. @throws AutoCircuitError where it lacks some */
export function meanOverAnswers<Row = FloatArray>(
  rows: readonly Row[],
  prompt: Prompt,
  of: (row: Row, sides: AnswerSides) => number,
): number {
  const sides = answersRead(prompt, rows.length);
  return meanOverPositions(rows, (row, position) => of(row, sides[position]!));
}

/** The prompts' own targets `[prompts, positions, outputs]`. @throws AutoCircuitError when one has none, or of another shape */
export function promptTargets({ prompts }: PromptBatch): Tensor<Float32Array> {
  const positions = prompts[0]?.targets?.length ?? 0;
  const outputs = prompts[0]?.targets?.[0]?.length ?? 0;
  for (const { index, targets } of prompts) {
    if (targets?.length === positions && targets.every((row) => row.length === outputs)) continue;
    throw new AutoCircuitError({
      code: targets ? 'invalid-prompt' : 'missing-targets',
      fields: { prompt: index },
      where: 'core/objectives',
      what: targets
        ? `prompt ${index} has targets of another shape than the first of its batch`
        : `prompt ${index} has no targets for mse to compare with`,
      expected: `"targets" for each position read`,
      fix: 'add them to the data set, or choose another objective',
    });
  }
  return floatTensor(Float32Array.from(prompts.flatMap(({ targets }) => targets!.flat())), [
    prompts.length,
    positions,
    outputs,
  ]);
}

/** The error for a tensor that does not fit a batch. */
export function wrongShape(what: string, expected: readonly number[], got: readonly number[]): AutoCircuitError {
  return new AutoCircuitError({
    code: 'wrong-shape',
    fields: { shape: got, expectedShape: expected },
    where: 'core/objectives',
    what: `${what} do not fit the batch`,
    expected: `[${expected.join(', ')}]`,
    got: `[${got.join(', ')}]`,
  });
}
