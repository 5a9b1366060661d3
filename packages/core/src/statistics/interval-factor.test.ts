import { describe, expect, it } from 'vitest';
import { seededRandom } from '../numeric/seeded-random.js';
import { errorOf } from '../testing/errors.js';
import { calibratedFactor } from './interval-factor.js';
import { standardErrorFactor } from './student-t.js';

const QUANTITIES = 64;
const DRAWS = 100;

/** The share of intervals that hold the mean, 0, of populations from which `draw` draws, with the factor calibrated on each sample. */
function coverage(prompts: number, draw: () => number, factorOf: (rows: number[][]) => number): number {
  let held = 0;
  for (let sample = 0; sample < DRAWS; sample++) {
    const rows = Array.from({ length: QUANTITIES }, () => Array.from({ length: prompts }, draw));
    const factor = factorOf(rows);
    for (const row of rows) {
      const mean = row.reduce((sum, x) => sum + x, 0) / prompts;
      const error = Math.sqrt(row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (prompts * (prompts - 1)));
      if (Math.abs(mean) <= factor * error) held++;
    }
  }
  return held / (DRAWS * QUANTITIES);
}
/** Nine of ten prompts hardly matter to a quantity, one does: mean 0, excess kurtosis about 20. */
function longTails(seed: number): () => number {
  const random = seededRandom(seed);
  return () => random.normal() * (random.uniform() < 0.9 ? 0.1 : 1);
}
/** A log-normal number less its mean, exp(½): skewed as KL divergences are. */
function skewed(seed: number): () => number {
  const random = seededRandom(seed);
  return () => Math.exp(random.normal()) - Math.exp(0.5);
}

describe('calibratedFactor', () => {
  // 100 samples of 64 independent quantities: a share of .95 has a standard error of .003
  it.each([20, 40, 80])('holds the mean in 93 to 97 of 100 cases for %i prompts with skewed values', (prompts) => {
    const share = coverage(prompts, skewed(prompts), calibratedFactor);
    expect(share).toBeGreaterThan(0.93);
    expect(share).toBeLessThan(0.97);
    expect(coverage(prompts, skewed(prompts), () => standardErrorFactor(prompts))).toBeLessThan(share);
  });

  it('is on the safe side where both tails are equally long', () => {
    expect(coverage(20, longTails(1), calibratedFactor)).toBeGreaterThan(0.95);
  });

  it('is the same for the same values, whatever their scale and mean', () => {
    const draw = longTails(3);
    const rows = Array.from({ length: 8 }, () => Array.from({ length: 16 }, draw));
    const moved = rows.map((row) => row.map((x) => 1024 * x + 65536));
    expect(calibratedFactor(moved)).toBeCloseTo(calibratedFactor(rows), 6);
    expect(calibratedFactor(rows)).toBe(calibratedFactor(rows));
  });

  it("is Student's where there is nothing to resample, ∞ where no factor would do", () => {
    expect(calibratedFactor([[3, 4, 9]])).toBe(standardErrorFactor(3));
    expect(calibratedFactor([Array(20).fill(7)])).toBe(standardErrorFactor(20));
    expect(calibratedFactor([[5]])).toBe(Number.POSITIVE_INFINITY);
    // one prompt of twenty differs: 36 of 100 resamples lack it
    expect(calibratedFactor([[...Array(19).fill(0), 1]])).toBe(Number.POSITIVE_INFINITY);
    expect(errorOf(() => calibratedFactor([[1, 2], [1]]))).toMatchObject({ code: 'internal' });
  });
});
