import { describe, expect, it } from 'vitest';
import { areaUnderCurve, MIB_FRACTIONS, mibEdgeCounts, mibScores } from '../index.js';

describe('area under a curve', () => {
  it('has log10 of the edges below it', () => {
    // from 1 to 10 edges mean 3, from 10 to 1,000 mean 2 over two decades; 0 edges have no place
    const points = [{ edges: 1000, value: 0 }, { edges: 1, value: 2 }, { edges: 0, value: 9 }, { edges: 10, value: 4 }]; // biome-ignore format: one line
    expect(areaUnderCurve(points)).toBeCloseTo(3 + 4, 14);
    // heights log10: −1, 0 (floored from 0: −2)
    const kls = [{ edges: 1, value: 0.1 }, { edges: 10, value: 1 }, { edges: 100, value: 0 }]; // biome-ignore format: one line
    expect(areaUnderCurve(kls, { logFloor: 0.01 })).toBeCloseTo(-0.5 - 1, 14);
    const falling = [{ edges: 1, value: 3 }, { edges: 10, value: 1 }]; // biome-ignore format: one line
    expect(areaUnderCurve(falling)).toBeCloseTo(2, 14);
  });
  it('refuses what is no curve', () => {
    const one = { edges: 1, value: 1 };
    expect(() => areaUnderCurve([{ edges: 0, value: 1 }, one])).toThrow(
      expect.objectContaining({
        code: 'invalid-curve',
        message: expect.stringMatching(/two points from 1 edge up, got 1/),
      }),
    );
    expect(() => areaUnderCurve([one, { edges: 2, value: Number.NaN }])).toThrow(
      expect.objectContaining({ code: 'invalid-curve', message: expect.stringMatching(/value at 2 edges/) }),
    );
    expect(() => areaUnderCurve([one, { edges: 1, value: 2 }])).toThrow(
      expect.objectContaining({
        code: 'invalid-curve',
        message: expect.stringMatching(/expected one value, got 1 and 2/),
      }),
    );
    expect(() => areaUnderCurve([one, { edges: 2, value: 2 }], { logFloor: 0 })).toThrow(
      expect.objectContaining({ code: 'invalid-option', fields: { option: 'logFloor', got: 0 } }),
    );
  });
});

describe('CPR and CMD', () => {
  it('integrate faithfulness and its distance from 1 over fractions', () => {
    const points = [{ fraction: 1, faithfulness: 1 }, { fraction: 0.5, faithfulness: 1.5 }, { fraction: 0, faithfulness: -0.5 }]; // biome-ignore format: one line
    expect(mibScores(points)).toEqual({ cpr: 0.25 + 0.625, cmd: 0.5 + 0.125 });
    const perfect = mibScores(MIB_FRACTIONS.map((fraction) => ({ fraction, faithfulness: 1 })));
    expect(perfect.cpr).toBeCloseTo(0.999, 14);
    expect(perfect.cmd).toBe(0);
    expect(mibEdgeCounts(32491)).toEqual([32, 64, 162, 324, 649, 1624, 3249, 6498, 16245, 32491]);
  });
  it('need two fractions that differ', () => {
    const one = { fraction: 0.5, faithfulness: 1 };
    expect(() => mibScores([one])).toThrow(
      expect.objectContaining({ code: 'invalid-curve', fields: { metric: 'mib' } }),
    );
    expect(() => mibScores([one, one])).toThrow(
      expect.objectContaining({ code: 'invalid-curve', fields: { metric: 'mib' } }),
    );
    expect(() => mibScores([one, { fraction: 1, faithfulness: Number.NaN }])).toThrow(
      expect.objectContaining({ code: 'invalid-curve', fields: { metric: 'mib' } }),
    );
  });
});
