import { describe, expect, it } from 'vitest';
import { circuitRates, mibRocArea, mibRocCounts } from '../index.js';

describe('rates against a known circuit', () => {
  it('are shares of the known edges, of the others, and of the circuit', () => {
    const known = new Set([1, 2, 3, 4]);
    expect(circuitRates(known, [1, 2, 9], 12)).toEqual({
      truePositiveRate: 2 / 4,
      falsePositiveRate: 1 / 8,
      precision: 2 / 3,
    });
    expect(circuitRates(known, [], 12)).toEqual({ truePositiveRate: 0, falsePositiveRate: 0, precision: 0 });
    for (const none of [new Set<number>(), new Set([0, 1])]) {
      expect(() => circuitRates(none, [], 2)).toThrow(expect.objectContaining({ code: 'invalid-curve' }));
    }
  });
});

describe('the ROC of MIB', () => {
  const point = (falsePositiveRate: number, truePositiveRate: number) => ({
    falsePositiveRate,
    truePositiveRate,
    precision: 0,
  });
  it('has its area from the smallest circuit to the largest, as shares of the last rate', () => {
    // (0.25 − 0) · ¾ + (1 − 0.25) · 1, after dividing by 0.8
    expect(mibRocArea([point(0, 0.5), point(0.2, 1), point(0.8, 1)])).toBeCloseTo(0.25 * 0.75 + 0.75, 14);
    expect(() => mibRocArea([point(0, 1), point(0, 1)])).toThrow(expect.objectContaining({ code: 'invalid-curve' }));
    expect(() => mibRocArea([point(0, 1)])).toThrow(expect.objectContaining({ code: 'invalid-curve' }));
  });
  it('grows circuits of sizes that are rounded up', () => {
    // while n > 0: n −= 1 counts ⌈n⌉ edges; 0.1 · 1108 is a little more than 110.8
    expect(mibRocCounts(1108)).toEqual([2, 3, 6, 12, 23, 56, 111, 222, 554, 1108]);
  });
});
