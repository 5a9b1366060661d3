/** @file What can be read of the outputs at one position, whether all of them are there or only what a program made of them. */
import type { AnswerSides } from '../prompts/types.js';
import type { FloatArray } from '../tensor/tensor.js';
import type { AnswersObjective } from './objective.js';
import { logSumExp } from './token-functions.js';

/** The outputs of a prompt at one position, as metrics of answers read them. */
export interface OutputRow {
  /** How many outputs there are: the size of the vocabulary. */
  readonly length: number;
  /** The logit of a token; of answers and wrong answers where only those were read. */
  logit(token: number): number;
  /** ln Σ exp(logits). */
  readonly logSumExp: number;
  /** How many outputs are as large as the largest of the answers' logits, or larger: at least one. */
  atLeastBest(sides: AnswerSides): number;
}

/** A row of logits [outputs], in float64. What takes a pass over all of them is worked out once, when it is asked for. */
export function outputRow(row: FloatArray): OutputRow {
  let total: number | undefined;
  return {
    length: row.length,
    logit: (token) => row[token]!,
    get logSumExp() {
      total ??= logSumExp(row);
      return total;
    },
    atLeastBest({ answers }) {
      const best = answers.reduce((most, token) => Math.max(most, row[token]!), Number.NEGATIVE_INFINITY);
      let count = 0;
      for (const z of row) if (z >= best) count++;
      return count;
    },
  };
}

/** f(logits)[token] of one row as a function of the token, as `TOKEN_FUNCTIONS` has it. */
export const ROW_FUNCTIONS: Readonly<
  Record<AnswersObjective['tokenFunction'], (row: OutputRow) => (token: number) => number>
> = Object.freeze({
  logit: (row) => (token) => row.logit(token),
  prob: probability,
  logprob: (row) => (token) => row.logit(token) - row.logSumExp,
  logitExp: probability,
});

function probability(row: OutputRow): (token: number) => number {
  return (token) => Math.exp(row.logit(token) - row.logSumExp);
}
