/** @file What is read off a prompt's output before answers are picked: logits, probabilities or log probabilities, on the host in float64. */
import type { FloatArray } from '../tensor/tensor.js';
import type { AnswersObjective } from './objective.js';

/** What is taken of the output at a token: its logit, its probability, … */
export type TokenFunction = AnswersObjective['tokenFunction'];

/** ln Σ exp(z) over one row, with the maximum taken out. */
export function logSumExp(row: FloatArray): number {
  let max = Number.NEGATIVE_INFINITY;
  for (const z of row) if (z > max) max = z;
  let sum = 0;
  for (const z of row) sum += Math.exp(z - max);
  return max + Math.log(sum);
}

/**
 * f(logits)[token] of one row as a function of the token. `logitExp` is exp(z) over a constant copy of Σ exp(z): its
 * value is the probability, only its gradient differs.
 */
export const TOKEN_FUNCTIONS: Readonly<Record<TokenFunction, (row: FloatArray) => (token: number) => number>> =
  Object.freeze({
    logit: (row) => (token) => row[token]!,
    prob: probability,
    logprob: (row) => {
      const total = logSumExp(row);
      return (token) => row[token]! - total;
    },
    logitExp: probability,
  });

function probability(row: FloatArray): (token: number) => number {
  const total = logSumExp(row);
  return (token) => Math.exp(row[token]! - total);
}

/**
 * KL(reference ‖ run) = Σ p_ref · (ln p_ref − ln p_run) over the vocabulary, in nats; rows of logits.
 * @param sums `logSumExp` of both, where it is known
 */
export function klDivergence(
  reference: FloatArray,
  run: FloatArray,
  [ofReference, ofRun]: readonly [reference: number, run: number] = [logSumExp(reference), logSumExp(run)],
): number {
  let sum = 0;
  for (let token = 0; token < reference.length; token++) {
    const p = reference[token]! - ofReference;
    if (p === Number.NEGATIVE_INFINITY) continue; // p ln p → 0
    sum += Math.exp(p) * (p - (run[token]! - ofRun));
  }
  return sum;
}
