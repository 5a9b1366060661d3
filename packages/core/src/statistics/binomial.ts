/** @file Exact intervals of shares: how often something happens, from how often it happened. */
import { AutoCircuitError } from '../errors/error.js';
import { checkLevel } from './level.js';

/** From where to where a share can lie. */
export interface ShareInterval {
  readonly low: number;
  readonly high: number;
}

/**
 * Clopper and Pearson's interval of a share (1934, doi 10.1093/biomet/26.4.404): the shares under which what was seen is not in
 * either outer tail of the binomial distribution. It holds the true share at least as often as it says, for every share and number.
 * @param count how often it happened, of `trials` independent ones
 * @throws AutoCircuitError `invalid-option` for a level outside 0…1, `internal` for counts that are none
 */
export function exactInterval(count: number, trials: number, level = 0.95): ShareInterval {
  checkLevel(level);
  const tail = (1 - level) / 2;
  return { low: exactLowerBound(count, trials, tail), high: 1 - exactLowerBound(trials - count, trials, tail) };
}

/**
 * The largest share of which it can still be said, wrongly at most `error` of the time, that the true one is not below it: the share
 * p with P(at least `count` of `trials`) = error. 0 where it never happened.
 */
export function exactLowerBound(count: number, trials: number, error: number): number {
  if (!(Number.isInteger(count) && Number.isInteger(trials) && count >= 0 && count <= trials && trials > 0)) {
    throw new AutoCircuitError({
      code: 'internal',
      where: 'statistics',
      what: 'a share is of something that was counted',
      expected: 'a count from 0 to the number of trials',
      got: `${count} of ${trials}`,
      kind: 'internal',
    });
  }
  if (count === 0) return 0;
  if (count === trials) return error ** (1 / trials);
  let [low, high] = [0, count / trials];
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return low; // no number lies between them
    if (atLeast(count, trials, middle) > error) high = middle;
    else low = middle;
  }
}

/** P(X ≥ count) of a binomial X. Only called for shares below count / trials, where terms fall from the first one on. */
function atLeast(count: number, trials: number, share: number): number {
  const odds = share / (1 - share);
  let term = Math.exp(logChoose(trials, count) + count * Math.log(share) + (trials - count) * Math.log1p(-share));
  let sum = term;
  for (let k = count; k < trials && term > sum * 1e-17; k++) {
    term *= ((trials - k) / (k + 1)) * odds;
    sum += term;
  }
  return sum;
}

/** log n!, by n; grown when asked. */
const logFactorials: number[] = [0];
function logFactorial(n: number): number {
  for (let k = logFactorials.length; k <= n; k++) logFactorials.push(logFactorials[k - 1]! + Math.log(k));
  return logFactorials[n]!;
}
const logChoose = (n: number, k: number): number => logFactorial(n) - logFactorial(k) - logFactorial(n - k);
