import { expect, it } from 'vitest';
import { BINARY, erf, UNARY } from './scalars.js';

it('has erf at double precision on both of its branches', () => {
  // Reference values: tables of erf(2.9), erf(3.1), to 16 digits.
  expect(erf(2.9)).toBeCloseTo(0.9999589021219005, 15);
  expect(erf(3.1)).toBeCloseTo(0.9999883513426328, 15);
  expect(1 - erf(5)).toBeCloseTo(1.5374597944280347e-12, 15);
});
it('has an odd erf that ends at ±1', () => {
  for (const x of [0.5, 2.999, 3, 7]) expect(erf(-x)).toBe(-erf(x));
  expect([erf(0), erf(7), erf(Number.POSITIVE_INFINITY)]).toEqual([0, 1, 1]);
});
it('answers comparisons and logic with 0 or 1', () => {
  const pairs = [0, 1].flatMap((x) => [0, 1].map((y) => [x, y] as const));
  const table = (op: 'and' | 'or' | 'equal' | 'less' | 'lessEqual') => pairs.map(([x, y]) => BINARY[op](x, y));
  expect(table('and')).toEqual([0, 0, 0, 1]);
  expect(table('or')).toEqual([0, 1, 1, 1]);
  expect(table('equal')).toEqual([1, 0, 0, 1]);
  expect(table('less')).toEqual([0, 1, 0, 0]);
  expect(table('lessEqual')).toEqual([1, 1, 0, 1]);
  expect([UNARY.not(0), UNARY.not(1)]).toEqual([1, 0]);
});
