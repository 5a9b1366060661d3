import { expect, it } from 'vitest';
import { adamState, adamStep } from './adam.js';

it('takes its first steps by hand', () => {
  const parameters = Float64Array.of(1, 1, 1);
  const state = adamState(3);
  adamStep(state, parameters, Float64Array.of(4, -1e-3, 0), 0.1);
  // the first step is the rate times the sign, less a little: g/(|g| + 1e-8)
  expect(parameters[0]).toBeCloseTo(0.9, 8);
  expect(parameters[1]).toBeCloseTo(1 + 0.1 / (1 + 1e-5), 12);
  expect(parameters[2]).toBe(1);
  adamStep(state, parameters, Float64Array.of(0, 0, 0), 0.1);
  // mean 0.9·0.4/(1 − 0.81), square 0.999·0.016/(1 − 0.998001)
  const moved = (0.1 * (0.36 / 0.19)) / (Math.sqrt((0.999 * 0.016) / 0.001999) + 1e-8);
  expect(parameters[0]).toBeCloseTo(0.9 - moved, 8);
});
