import { describe, expect, it } from 'vitest';
import { seededRandom } from '../numeric/seeded-random.js';
import { errorOf } from '../testing/errors.js';
import { BOOTSTRAP_RESAMPLES, PromptBootstrap, ratioOfSums } from './bootstrap.js';

const normal = (n: number, stream: string): number[] => {
  const random = seededRandom(1, stream);
  return Array.from({ length: n }, () => random.normal());
};

describe('PromptBootstrap', () => {
  it('gives the standard error of a mean: the deviation over √n, to 1 / √(2 · resamples)', () => {
    const values = normal(400, 'mean').map((x) => 5 + 3 * x);
    const centre = ratioOfSums({ values });
    const classical = Math.sqrt(values.reduce((sum, x) => sum + (x - centre) ** 2, 0)) / values.length;
    const error = new PromptBootstrap(3).standardError({ values })!;
    // four standard deviations of an estimate from so many resamples
    expect(Math.abs(error / classical - 1)).toBeLessThan(4 / Math.sqrt(2 * BOOTSTRAP_RESAMPLES));
  });
  it('two prompts by hand: a resample has 0, 1 or 2 of the second', () => {
    // values 0 and 2: means 0, 1, 1, 2 with a quarter each: variance ½
    const error = new PromptBootstrap(0).standardError({ values: [0, 2] })!;
    expect(Math.abs(error / Math.SQRT1_2 - 1)).toBeLessThan(4 / Math.sqrt(2 * BOOTSTRAP_RESAMPLES));
  });
  it('knows that a ratio moves with its weights: the delta method where they vary little', () => {
    const [x, y] = [normal(300, 'x'), normal(300, 'y')];
    const weights = x.map((d) => 10 + d);
    const values = weights.map((w, i) => 0.7 * w + 0.5 * y[i]!);
    const ratio = ratioOfSums({ values, weights });
    const mean = weights.reduce((sum, w) => sum + w, 0) / 300;
    const residuals = values.map((v, i) => (v - ratio * weights[i]!) / mean);
    const delta = Math.sqrt(residuals.reduce((sum, r) => sum + r * r, 0)) / 300;
    const error = new PromptBootstrap(5).standardError({ values, weights })!;
    // first order: weights vary by 10 %, so what is left out is under 1 %
    expect(Math.abs(error / delta - 1)).toBeLessThan(0.01 + 4 / Math.sqrt(2 * BOOTSTRAP_RESAMPLES));
    // a circuit that is the model has no error
    expect(new PromptBootstrap(5).standardError({ values: weights, weights })).toBe(0);
  });
  it('is decided by the seed, and the same resamples serve all numbers', () => {
    const values = normal(20, 'seed');
    const at = (seed: number, list = values) => new PromptBootstrap(seed).standardError({ values: list })!;
    expect(at(7)).toBe(at(7));
    expect(at(7)).not.toBe(at(8));
    const one = new PromptBootstrap(7);
    one.standardError({ values: normal(20, 'other') });
    expect(one.standardError({ values })).toBe(at(7));
    expect(Math.abs(at(7, values.map((x) => 1e6 + x)) / at(7) - 1)).toBeLessThan(1e-7); // biome-ignore format: one line
  });
  it('has none for one prompt or values that are not finite, and ∞ where weights can vanish', () => {
    const bootstrap = new PromptBootstrap(0);
    expect(bootstrap.standardError({ values: [1] })).toBeUndefined();
    expect(bootstrap.standardError({ values: [1, Number.POSITIVE_INFINITY] })).toBeUndefined();
    expect(bootstrap.standardError({ values: [1, 1], weights: [1, -1] })).toBe(Number.POSITIVE_INFINITY);
    expect(errorOf(() => bootstrap.standardError({ values: [1, 1], weights: [1] }))).toMatchObject({
      code: 'internal',
    });
  });
});
