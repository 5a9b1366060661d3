/** @file How much of the model's behaviour a circuit keeps, and which of the measured circuits is the one to write. */

import { AutoCircuitError, type ErrorParts } from '../errors/error.js';
import { promptAnswerValue } from '../objectives/answers.js';
import type { OutputRow } from '../objectives/output-row.js';
import { meanOverAnswers, meanOverPositions, outputRows } from '../objectives/output-rows.js';
import type { BatchOutputs, PromptValues } from '../plugin/metric.js';
import { answerRows, klByPrompt } from '../plugin/output-reads.js';
import type { AnswerSides } from '../prompts/types.js';
import { ratioOfSums } from '../statistics/bootstrap.js';
import type { References } from './run-circuits.js';

/** How close to 1 the faithfulness of a circuit that is kept must be. */
export const FAITHFUL_WITHIN = 0.1;
/** Without wrong answers: distance to the whole model at most this share of the empty circuit's. */
export const KL_WITHIN = 0.1;

/** How faithful circuits of this run are, by one of two measures. */
export interface FaithfulnessScale {
  readonly kind: 'scale';
  /** `logit-diff`: 1 is the whole model, 0 the empty circuit. `kl`, `mse`: share of the empty circuit's distance that is left. */
  readonly by: 'logit-diff' | 'kl' | 'mse';
  of(circuit: readonly BatchOutputs[]): number;
  /** What that is made of: `of` = Σ values ÷ Σ weights. */
  prompts(circuit: readonly BatchOutputs[]): PromptValues;
  isFaithful(value: number): boolean;
}

/** Why there is no faithfulness on these prompts. */
export interface NoFaithfulness {
  readonly kind: 'none';
  readonly error: AutoCircuitError;
}

/**
 * faithfulness = (m(circuit) − m(∅)) / (m(model) − m(∅)), m being the logit difference averaged over prompts first
 * (MIB, Mueller et al. 2025). Without wrong answers, or with some outside the vocabulary: KL(model ‖ circuit) / KL(model ‖ ∅), averaged over prompts first; squared
 * differences in place of KL where the output is one number.
 * Gives the error to throw when m(model) − m(∅) is within 2 standard errors of 0: then there is nothing to explain.
 */
export function faithfulnessScale(references: References, outputSize: number): FaithfulnessScale | NoFaithfulness {
  const isRead = (token: number): boolean => token >= 0 && token < outputSize;
  const hasWrong = references.model.every(({ batch }) =>
    batch.prompts.every((p) => p.wrongAnswers.length > 0 && p.answers.length > 0 && p.wrongAnswers.every(isRead)),
  );
  if (hasWrong) return byLogitDifference(references, outputSize);
  return byDistance(references, outputSize, outputSize === 1 ? 'mse' : 'kl');
}

function byLogitDifference({ model, empty }: References, outputSize: number): FaithfulnessScale | NoFaithfulness {
  const differences = (outputs: readonly BatchOutputs[]) =>
    outputs.flatMap((batchOutputs) => {
      const rows = answerRows(batchOutputs, outputSize);
      const difference = (row: OutputRow, sides: AnswerSides) => promptAnswerValue(row, sides, 'logit', 'diff');
      return batchOutputs.batch.prompts.map((prompt, i) => meanOverAnswers(rows[i]!, prompt, difference));
    });
  const unpatched = differences(empty);
  const gaps = differences(model).map((value, i) => value - unpatched[i]!);
  const gap = mean(gaps);
  // One prompt has no standard error; a gap that float32 rounding alone can make is none either.
  const error =
    gaps.length > 1 ? Math.sqrt(sum(gaps.map((g) => (g - gap) ** 2)) / (gaps.length * (gaps.length - 1))) : 0;
  const rounding = 1e-6 * unpatched.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (!(Math.abs(gap) > Math.max(2 * error, rounding))) {
    return none({
      code: 'nothing-to-find',
      where: 'measure',
      what: 'the whole model and the empty circuit cannot be told apart on these prompts, so no circuit can be more or less faithful',
      expected: 'a mean gap in logit difference of more than 2 standard errors',
      got: `${gap.toPrecision(3)} ± ${error.toPrecision(3)} over ${gaps.length} prompt${gaps.length === 1 ? '' : 's'}`,
      fix: 'check that the model can do the task, use more test prompts, or name the size to keep',
    });
  }
  const prompts = (circuit: readonly BatchOutputs[]): PromptValues => ({
    values: differences(circuit).map((value, i) => value - unpatched[i]!),
    weights: gaps,
  });
  return {
    kind: 'scale',
    by: 'logit-diff',
    of: (circuit) => ratioOfSums(prompts(circuit)),
    prompts,
    isFaithful: (value) => Math.abs(1 - value) <= FAITHFUL_WITHIN,
  };
}

/** The distance from the whole model's output to a circuit's by prompt, means over positions. One number has no distribution. */
const DISTANCES = { kl: klByPrompt, mse: meanSquares } as const;

function meanSquares(whole: BatchOutputs, circuit: BatchOutputs, outputSize: number): number[] {
  const wholeRows = outputRows(whole, outputSize);
  return outputRows(circuit, outputSize).map((rows, i) =>
    meanOverPositions(rows, (row, position) => {
      let total = 0;
      for (let k = 0; k < row.length; k++) total += (row[k]! - wholeRows[i]![position]![k]!) ** 2;
      return total / row.length;
    }),
  );
}

function byDistance(
  { model, empty }: References,
  outputSize: number,
  by: 'kl' | 'mse',
): FaithfulnessScale | NoFaithfulness {
  const distance = (outputs: readonly BatchOutputs[]) =>
    outputs.flatMap((batchOutputs, b) => DISTANCES[by](model[b]!, batchOutputs, outputSize));
  const most = distance(empty);
  if (!(mean(most) > 0)) {
    return none({
      code: 'nothing-to-find',
      where: 'measure',
      what: 'patching every edge has no effect on these prompts, so there is no circuit to find',
      fix: 'check that clean and corrupt prompts differ, or name the size to keep',
    });
  }
  const prompts = (circuit: readonly BatchOutputs[]): PromptValues => ({ values: distance(circuit), weights: most });
  return {
    kind: 'scale',
    by,
    of: (circuit) => ratioOfSums(prompts(circuit)),
    prompts,
    isFaithful: (value) => value <= KL_WITHIN,
  };
}

const none = (parts: ErrorParts): NoFaithfulness => ({ kind: 'none', error: new AutoCircuitError(parts) });

/** A measured size and whether it is faithful. */
export interface FaithfulSize {
  readonly edges: number;
  readonly faithful: boolean;
}
/**
 * The size to keep: the smallest measured size that is faithful while the next larger one is too; if none is, the largest.
 * The whole model is always faithful and no circuit, so it is kept only where nothing else is measured.
 * @param sizes ascending
 * @param edgeCount of the whole model
 * @returns the index into `sizes`, and whether it was found so
 */
export function chooseKept(
  sizes: readonly FaithfulSize[],
  edgeCount: number,
): { readonly index: number; readonly found: boolean } {
  const circuits = sizes.filter(({ edges }) => edges < edgeCount).length;
  const index = sizes.findIndex(({ faithful }, i) => faithful && sizes[i + 1]?.faithful === true);
  return index >= 0 ? { index, found: true } : { index: Math.max(circuits, 1) - 1, found: false };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;
