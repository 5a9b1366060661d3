import { describe, expect, it } from 'vitest';
import { klDivergence, logSumExp, TOKEN_FUNCTIONS } from './token-functions.js';

const row = Float64Array.of(Math.log(1), Math.log(2), Math.log(5));

describe('TOKEN_FUNCTIONS', () => {
  it('give the logit, the probability and its logarithm', () => {
    expect(TOKEN_FUNCTIONS.logit(row)(2)).toBe(Math.log(5));
    expect(TOKEN_FUNCTIONS.prob(row)(2)).toBeCloseTo(5 / 8, 14);
    expect(TOKEN_FUNCTIONS.logprob(row)(1)).toBeCloseTo(Math.log(2 / 8), 14);
    expect(TOKEN_FUNCTIONS.logitExp(row)(1)).toBe(TOKEN_FUNCTIONS.prob(row)(1)); // only its gradient differs
  });

  it('do not overflow, nor turn what is impossible into NaN', () => {
    const large = Float64Array.of(1e5, 1e5, Number.NEGATIVE_INFINITY);
    expect(logSumExp(large)).toBe(1e5 + Math.log(2));
    const [first, second, never] = [0, 1, 2].map(TOKEN_FUNCTIONS.prob(large));
    // ln 2 is added to 1e5, whose float64 steps are 1.5e-11
    expect([first, second, never]).toEqual([expect.closeTo(0.5, 10), expect.closeTo(0.5, 10), 0]);
    expect(TOKEN_FUNCTIONS.logprob(large)(2)).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe('klDivergence', () => {
  it('is 0 for equal distributions and Σ p ln(p/q) for others', () => {
    expect(
      klDivergence(
        row,
        row.map((z) => z + 7),
      ),
    ).toBeCloseTo(0, 14); // a shift of all logits is the same distribution
    const uniform = new Float64Array(3);
    const expected = (1 / 8) * Math.log(3 / 8) + (2 / 8) * Math.log(6 / 8) + (5 / 8) * Math.log(15 / 8);
    expect(klDivergence(row, uniform)).toBeCloseTo(expected, 14);
  });

  it('leaves out what the reference never gives, and is ∞ where only the run never gives it', () => {
    const never = Float64Array.of(0, 0, Number.NEGATIVE_INFINITY);
    expect(klDivergence(never, new Float64Array(3))).toBeCloseTo(Math.log(3 / 2), 14);
    expect(klDivergence(new Float64Array(3), never)).toBe(Number.POSITIVE_INFINITY);
  });
});
