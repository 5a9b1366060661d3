import { describe, expect, it } from 'vitest';
import { HARD_CONCRETE, MASK_FUNCTIONS } from './mask-functions.js';

describe('mask functions', () => {
  it('hard concrete at a median sample: the stretched sigmoid of 3m/2, clamped', () => {
    const { value } = MASK_FUNCTIONS['hard-concrete'];
    expect(value(0, 0.5)).toBeCloseTo(0.5, 14);
    expect(value(Math.log(2) / 1.5, 0.5)).toBeCloseTo((2 / 3) * 1.2 - 0.1, 14);
    expect(value(4, 0.5)).toBe(1); // σ(6)·1.2 − 0.1 = 1.097…
    expect(value(-4, 0.5)).toBe(0);
    expect(value(0, 0.8)).toBeCloseTo((8 / 9) * 1.2 - 0.1, 14); // u/(1 − u) = 4, 4^1.5 = 8
  });
  it.each(['hard-concrete', 'sigmoid', 'none'] as const)('%s: slopes are derivatives', (name) => {
    const f = MASK_FUNCTIONS[name];
    const step = 1e-5; // central differences: step² of curvature, 1e-16/step of rounding
    const derivative = (of: (m: number) => number, m: number): number => (of(m + step) - of(m - step)) / (2 * step);
    for (const m of [-6, -1.3, -0.2, 0, 0.7, 1.1, 6]) {
      for (const u of [0.3, 0.5, 0.8]) {
        expect(f.slope(m, u)).toBeCloseTo(
          derivative((x) => f.value(x, u), m),
          9,
        );
      }
      expect(f.probabilitySlope(m)).toBeCloseTo(derivative(f.probability, m), 9);
    }
  });
  it('uniform gradient sampling: patched as often as its probability says, and as steep on average', () => {
    const { value, slope, probability, probabilitySlope } = MASK_FUNCTIONS['uniform-gradient'];
    const n = 10_000;
    for (const m of [-1.5, 0, 0.8]) {
      const us = Array.from({ length: n }, (_, i) => (i + 0.5) / n);
      const mean = (of: (m: number, u: number) => number): number => us.reduce((sum, u) => sum + of(m, u), 0) / n;
      expect(mean(value)).toBeCloseTo(probability(m), 6); // the window stands evenly on both sides
      expect(Math.abs(mean(slope) - probabilitySlope(m))).toBeLessThan(2 / n);
    }
    expect(value(0, 0.5)).toBe(0.5);
    expect(value(0, 0.3)).toBe(1);
    expect(value(0, 0.7)).toBe(0);
  });
  it('the probability of hard concrete is the share of samples above 0', () => {
    const { value, probability } = MASK_FUNCTIONS['hard-concrete'];
    const n = 10_000;
    for (const m of [-2, -1.6, 0.5]) {
      let open = 0;
      for (let i = 0; i < n; i++) if (value(m, (i + 0.5) / n) > 0) open++;
      expect(Math.abs(open / n - probability(m))).toBeLessThan(1 / n);
    }
    // the usual start, ln(p / (1 − p)) with p = (0.9 − left) / (right − left) = 5/6
    expect((0.9 - HARD_CONCRETE.left) / (HARD_CONCRETE.right - HARD_CONCRETE.left)).toBeCloseTo(5 / 6, 14);
  });
});
