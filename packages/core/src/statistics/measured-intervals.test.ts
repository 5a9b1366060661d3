import { describe, expect, it } from 'vitest';
import { seededRandom } from '../numeric/seeded-random.js';
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

  it("gives Wilson's interval where all prompts are right", () => {
    // Wilson 1927 for 10 of 10: 1 / (1 + z² / n) = 0.7225
    const [interval] = measuredIntervals([{ values: Array(10).fill(100) }]);
    expect(interval![0]).toBeCloseTo(72.25, 2);
    expect(interval![1]).toBe(100);
  });

  it('gives the interval of a ratio by its linear part', () => {
    const values = [1, 2, 3, 4];
    const weights = [2, 2, 4, 2];
    const [interval] = measuredIntervals([{ values, weights }]);
    // ratio 1; rest −1, 0, −1, 2: standard error √(6 / 12); mean weight 2.5; fewer than 8 prompts: Student's factor
    const reach = (standardErrorFactor(4) * Math.sqrt(6 / 12)) / 2.5;
    expect(interval![0]).toBeCloseTo(1 - reach, 12);
    expect(interval![1]).toBeCloseTo(1 + reach, 12);
  });

  it('gives none where prompts do not say', () => {
    expect(measuredIntervals([{ values: [3] }, { values: [] }])).toEqual([null, null]);
    expect(measuredIntervals([{ values: [0, 0, 0] }, { values: [1, 2, 4] }])[0]).toBeNull();
    expect(measuredIntervals([{ values: [1, Number.POSITIVE_INFINITY] }])).toEqual([null]);
  });
});
