/** @file How far to go to each side of a mean over few prompts: Student's t in place of 1.96 standard errors. */
import { checkLevel } from './level.js';

/**
 * P(|T| ≤ t) of Student's t distribution, for a whole number of degrees of freedom: the finite sums of Abramowitz and Stegun
 * 1964, 26.7.3 and 26.7.4.
 * @param t from 0
 * @param freedom degrees of freedom, from 1
 */
export function studentWithin(t: number, freedom: number): number {
  const angle = Math.atan2(t, Math.sqrt(freedom));
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const odd = freedom % 2 === 1;
  let term = odd ? cosine : 1;
  let sum = freedom === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k <= freedom - 2; k += 2) {
    term *= ((k - 1) / k) * cosine ** 2;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
}

/**
 * How many standard errors to go to each side of a mean over so many prompts: the quantile of Student's t, 2.26 for 10
 * prompts, 2.02 for 40, 1.96 in the limit. ∞ for a single prompt, which has no standard error.
 *
 * Exact where the values of prompts are normally distributed. Scores have long tails, of which a sample often holds nothing,
 * so that its standard error is too small (EAP on ioi-mini: such intervals hold in 89 of 100 cases for 10 prompts, in 93 for
 * 80, docs/choosing.md); `calibratedFactor` allows for them.
 * @param level the share of samples in which the interval is to hold the mean
 * @throws AutoCircuitError `invalid-option` when the level is not between 0 and 1
 */
export function standardErrorFactor(prompts: number, level = 0.95): number {
  checkLevel(level);
  if (prompts < 2) return Number.POSITIVE_INFINITY;
  let [low, high] = [0, 1];
  while (studentWithin(high, prompts - 1) < level) high *= 2;
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle; // no number lies between them
    if (studentWithin(middle, prompts - 1) < level) low = middle;
    else high = middle;
  }
}
