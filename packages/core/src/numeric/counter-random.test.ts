import { describe, expect, it } from 'vitest';
import { uniformAt } from './counter-random.js';

describe('uniformAt', () => {
  const count = 20_000;
  const draws = (seed: number): number[] => Array.from({ length: count }, (_, i) => uniformAt(seed, i));

  it('is uniform: mean, variance and bins within 5 standard errors', () => {
    const xs = draws(7);
    const mean = xs.reduce((sum, x) => sum + x, 0) / count;
    expect(Math.abs(mean - 1 / 2)).toBeLessThan(5 / Math.sqrt(12 * count));
    // (x − ½)² has mean 1/12 and variance 1/180
    const variance = xs.reduce((sum, x) => sum + (x - 0.5) ** 2, 0) / count;
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(5 / Math.sqrt(180 * count));
    const bins = new Array<number>(16).fill(0);
    for (const x of xs) bins[Math.floor(x * 16)]! += 1;
    for (const n of bins) expect(Math.abs(n - count / 16)).toBeLessThan(5 * Math.sqrt((count * 15) / 256));
  });
  it('gives unrelated numbers for neighbouring seeds and places', () => {
    const correlation = (a: readonly number[], b: readonly number[]): number =>
      a.reduce((sum, x, i) => sum + (x - 0.5) * (b[i]! - 0.5) * 12, 0) / count;
    const bound = 5 / Math.sqrt(count);
    expect(Math.abs(correlation(draws(0), draws(1)))).toBeLessThan(bound);
    const xs = draws(3);
    expect(Math.abs(correlation(xs, [...xs.slice(1), 0.5]))).toBeLessThan(bound);
    expect(uniformAt(1, 2)).not.toBe(uniformAt(2, 1));
    expect(uniformAt(1)).not.toBe(uniformAt(1, 0));
    expect(uniformAt(2 ** 40)).not.toBe(uniformAt(0));
  });
  it('keeps its numbers from one version to the next, since runs are repeated by seed', () => {
    expect([uniformAt(0, 0), uniformAt(0, 1), uniformAt(123456789, 5, 6)]).toMatchInlineSnapshot(`
      [
        0.3277446018340525,
        0.9727097017527602,
        0.5125112488704168,
      ]
    `);
  });
});
