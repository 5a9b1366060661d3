import { describe, expect, it } from 'vitest';
import { seededRandom } from '../numeric/seeded-random.js';
import { errorOf } from '../testing/errors.js';
import { standardErrorFactor, studentWithin } from './student-t.js';

describe('Student’s t', () => {
  it.each([
    // Abramowitz and Stegun 1964, table 26.10: the quantile for 95 % within, by degrees of freedom
    [1, 12.706],
    [2, 4.303],
    [3, 3.182],
    [9, 2.262],
    [10, 2.228],
    [30, 2.042],
    [120, 1.98],
  ])('%i degrees of freedom: 95 %% lie within %f', (freedom, quantile) => {
    expect(Math.abs(standardErrorFactor(freedom + 1) - quantile)).toBeLessThan(5.1e-4); // three decimals are printed
  });
  it('is Cauchy’s and a closed form for 1 and 2 degrees of freedom, and near the normal for many', () => {
    expect(studentWithin(1, 1)).toBeCloseTo(0.5, 14);
    expect(studentWithin(2, 2)).toBeCloseTo(2 / Math.sqrt(6), 14); // t / √(2 + t²)
    expect(standardErrorFactor(2, 0.5)).toBeCloseTo(1, 14);
    const z = 1.959964;
    expect(standardErrorFactor(20_001)).toBeCloseTo(z + (z ** 3 + z) / (4 * 20_000), 5); // what comes next is below 1e-8
  });
  it('has no bound for one prompt, and no other level than a share', () => {
    expect(standardErrorFactor(1)).toBe(Number.POSITIVE_INFINITY);
    for (const level of [0, 1, Number.NaN]) {
      const refused = errorOf(() => standardErrorFactor(10, level));
      expect(refused).toMatchObject({ code: 'invalid-option', fields: { option: 'level' } });
    }
  });
  it('covers the mean of ten normal values as often as it says, where 1.96 standard errors do not', () => {
    const samples = 2000;
    const random = seededRandom(7, 'coverage');
    let [byStudent, byNormal] = [0, 0];
    for (let sample = 0; sample < samples; sample++) {
      const values = Array.from({ length: 10 }, () => 3 + 2 * random.normal());
      const mean = values.reduce((sum, x) => sum + x, 0) / 10;
      const error = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 90);
      if (Math.abs(mean - 3) <= standardErrorFactor(10) * error) byStudent++;
      if (Math.abs(mean - 3) <= 1.96 * error) byNormal++;
    }
    const slack = 4 * Math.sqrt((0.95 * 0.05) / samples); // four standard deviations of such a share: 1.9 %
    expect(Math.abs(byStudent / samples - 0.95)).toBeLessThan(slack);
    expect(Math.abs(byNormal / samples - studentWithin(1.96, 9))).toBeLessThan(slack);
    expect(byNormal / samples).toBeLessThan(0.95 - slack);
  });
});
