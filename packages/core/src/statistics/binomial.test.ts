import { describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { exactInterval, exactLowerBound } from './binomial.js';

describe('exactInterval', () => {
  it.each([
    // scipy 1.17.1: binomtest(count, trials).proportion_ci(0.95, 'exact'), which stops within about 1e-11
    [0, 10, 0, 0.30849710781876294],
    [1, 10, 0.0025285785444625728, 0.44501611702819543],
    [5, 10, 0.1870860284474045, 0.8129139715525955],
    [10, 10, 0.6915028921812371, 1],
    [81, 263, 0.25273674558504267, 0.36762192260134746],
  ])('of %i in %i', (count, trials, low, high) => {
    const interval = exactInterval(count, trials);
    expect(interval.low).toBeCloseTo(low, 10);
    expect(interval.high).toBeCloseTo(high, 10);
  });

  it('is a closed form at the ends: all of n leave a share of α^(1/n)', () => {
    expect(exactLowerBound(1000, 1000, 0.05 / 524)).toBeCloseTo((0.05 / 524) ** 0.001, 15);
    expect(exactLowerBound(1, 1000, 0.025)).toBeCloseTo(1 - 0.975 ** 0.001, 12); // P(X ≥ 1) = 1 − (1 − p)^n
    expect(exactLowerBound(0, 1000, 0.025)).toBe(0);
  });

  it('holds the true share at least 95 times of 100, for every share: counted over all outcomes', () => {
    const trials = 40;
    const intervals = Array.from({ length: trials + 1 }, (_, count) => exactInterval(count, trials));
    for (let share = 0.01; share < 1; share += 0.01) {
      let [chance, held] = [(1 - share) ** trials, 0];
      for (const [count, { low, high }] of intervals.entries()) {
        if (low <= share && share <= high) held += chance;
        chance *= ((trials - count) / (count + 1)) * (share / (1 - share));
      }
      expect(held).toBeGreaterThanOrEqual(0.95);
    }
  });

  it('refuses what is no count and no level', () => {
    expect(errorOf(() => exactInterval(3, 2))).toMatchObject({ code: 'internal' });
    expect(errorOf(() => exactInterval(1, 2, 1))).toMatchObject({
      code: 'invalid-option',
      fields: { option: 'level' },
    });
  });
});
