import { describe, expect, it } from 'vitest';
import { seededRandom } from '../numeric/seeded-random.js';
import { calibratedFactor } from './interval-factor.js';
import { measuredIntervals } from './measured-intervals.js';
import { standardErrorFactor } from './student-t.js';

const DRAWS = 150;
const POINTS = 8;

/** The share of intervals that hold `truth`, of curves of 8 points with values from `draw`. */
function coverage(prompts: number, truth: number, draw: () => number): number {
  let held = 0;
  for (let sample = 0; sample < DRAWS; sample++) {
    const points = Array.from({ length: POINTS }, () => ({ values: Array.from({ length: prompts }, draw) }));
    for (const interval of measuredIntervals(points)) {
      if (interval && interval[0] <= truth && truth <= interval[1]) held++;
    }
  }
  return held / (DRAWS * POINTS);
}

describe('measuredIntervals', () => {
  // 150 curves of 8 independent points: a share of .95 has a standard error of .006
  it.each([20, 40, 80])('hold in 93 to 97 of 100 cases, divergences of %i prompts', (prompts) => {
    const random = seededRandom(prompts);
    const share = coverage(prompts, Math.exp(0.5), () => Math.exp(random.normal())); // log-normal: skewed to the right
    expect(share).toBeGreaterThan(0.93);
    expect(share).toBeLessThan(0.97);
  });

  it.each([20, 40, 80])('hold in 93 to 97 of 100 cases, percentages of %i prompts', (prompts) => {
    const points = Array.from({ length: prompts + 1 }, (_, right) => ({
      values: Array.from({ length: prompts }, (_value, i) => (i < right ? 100 : 0)),
    }));
    const intervals = measuredIntervals(points);
    // exactly, by the binomial distribution; a single percentage has coverage that jumps with whole prompts, so many are averaged
    const percentages = Array.from({ length: 91 }, (_, i) => 5 + i);
    const held = percentages.map((percentage) => {
      let [chance, sum] = [(1 - percentage / 100) ** prompts, 0];
      for (const [right, interval] of intervals.entries()) {
        if (interval![0] <= percentage && percentage <= interval![1]) sum += chance;
        chance *= ((prompts - right) / (right + 1)) * (percentage / (100 - percentage));
      }
      return sum;
    });
    const share = held.reduce((sum, x) => sum + x, 0) / held.length;
    expect(share).toBeGreaterThan(0.93);
    expect(share).toBeLessThan(0.97);
  });

  it.each([20, 40, 80])('hold in 93 to 97 of 100 cases, logit differences of %i prompts', (prompts) => {
    const random = seededRandom(prompts);
    const share = coverage(prompts, 0.5, () => 0.5 + random.normal());
    expect(share).toBeGreaterThan(0.93);
    expect(share).toBeLessThan(0.97);
  });

  /** How ratios of 8 independent points are covered; points whose denominator is within 2 standard errors of 0 have no ratio. */
  function coverageOfRatio(
    prompts: number,
    ratio: number,
    draw: () => readonly [value: number, weight: number],
  ): number {
    let [held, all] = [0, 0];
    for (let sample = 0; sample < DRAWS; sample++) {
      const points = Array.from({ length: POINTS }, () => {
        const drawn = Array.from({ length: prompts }, draw);
        return { values: drawn.map(([value]) => value), weights: drawn.map(([, weight]) => weight) };
      }).filter(({ weights }) => {
        const mean = weights.reduce((sum, x) => sum + x, 0) / prompts;
        const spread = Math.sqrt(weights.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (prompts * (prompts - 1)));
        return Math.abs(mean) > 2 * spread;
      });
      for (const interval of measuredIntervals(points)) {
        all++;
        if (interval![0] <= ratio && ratio <= interval![1]) held++;
      }
    }
    return held / all;
  }

  it.each([20, 40, 80])('hold in 93 to 97 of 100 cases, ratios such as faithfulness of %i prompts', (prompts) => {
    const random = seededRandom(prompts, 'ratio');
    const share = coverageOfRatio(prompts, 0.9, () => {
      const gap = 2 + random.normal(); // of model and empty circuit; the circuit misses a skewed rest of it
      return [0.9 * gap + 0.5 * (Math.exp(random.normal()) - Math.exp(0.5)), gap];
    });
    expect(share).toBeGreaterThan(0.93);
    expect(share).toBeLessThan(0.97);
  });

  it.each([20, 40, 80])('hold where the denominator of a ratio is unsure, on the safe side, %i prompts', (prompts) => {
    const random = seededRandom(prompts, 'unsure');
    const share = coverageOfRatio(prompts, 0.9, () => [0.9 + random.normal(), 1 + 2 * random.normal()]);
    // conservative rather than not: by the linear part alone it is 0.89 at 20 prompts
    expect(share).toBeGreaterThan(0.93);
  });

  it("gives Fieller's interval of a ratio", () => {
    const values = [1, 0, 2, 1];
    const weights = [1, 3, 2, 4];
    const [interval] = measuredIntervals([{ values, weights }]);
    // means 1 and 2.5, variances of means 2/12 and 5/12, covariance −1/12; fewer than 8 prompts: Student's factor f
    const f2 = standardErrorFactor(4) ** 2;
    for (const ratio of interval!) expect((1 - 2.5 * ratio) ** 2).toBeCloseTo(f2 * (2 / 12 + (2 * ratio) / 12 + (5 * ratio ** 2) / 12), 9); // biome-ignore format: one line
    // a denominator that may be 0 says nothing
    expect(measuredIntervals([{ values, weights: [1, -3, 2, 1] }])).toEqual([[Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]]); // biome-ignore format: one line
  });

  it("gives Wilson's interval where all prompts are right", () => {
    // Wilson 1927 for 10 of 10: 1 / (1 + z² / n) = 0.7225
    const [interval] = measuredIntervals([{ values: Array(10).fill(100) }]);
    expect(interval![0]).toBeCloseTo(72.25, 2);
    expect(interval![1]).toBe(100);
  });

  it("is near the interval of a ratio's linear part where the denominator is sure", () => {
    const random = seededRandom(5);
    const weights = Array.from({ length: 40 }, () => 100 + random.normal());
    const values = weights.map((weight) => 0.8 * weight + random.normal());
    const [interval] = measuredIntervals([{ values, weights }]);
    const sum = (list: readonly number[]): number => list.reduce((total, x) => total + x, 0);
    const ratio = sum(values) / sum(weights);
    const rest = values.map((value, i) => value - ratio * weights[i]!);
    const error = Math.sqrt(sum(rest.map((x) => x * x)) / (40 * 39)) / (sum(weights) / 40);
    const reach = calibratedFactor([rest]) * error;
    // what is left out is of the size of the denominator's relative standard error, 1 / (100 √40)
    expect(Math.abs((interval![0] - (ratio - reach)) / reach)).toBeLessThan(0.01);
    expect(Math.abs((interval![1] - (ratio + reach)) / reach)).toBeLessThan(0.01);
  });

  it('gives none where prompts do not say', () => {
    expect(measuredIntervals([{ values: [3] }, { values: [] }])).toEqual([null, null]);
    expect(measuredIntervals([{ values: [0, 0, 0] }, { values: [1, 2, 4] }])[0]).toBeNull();
    expect(measuredIntervals([{ values: [1, Number.POSITIVE_INFINITY] }])).toEqual([null]);
  });
});
