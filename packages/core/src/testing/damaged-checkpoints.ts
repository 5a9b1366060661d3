/** @file Checkpoints that nothing may go on from, made from a good one. */
import type { CheckpointData } from '../plugin/checkpoint.js';

/** A checkpoint with one thing wrong. */
export interface DamagedCheckpoint {
  /** What is wrong with it, for the name of a test. */
  readonly what: string;
  /** The array or number that an error has to name. */
  readonly name: string;
  readonly data: CheckpointData;
}

/** What the numbers of arrays are, by the arrays' names; default: anything finite. */
export interface CheckpointNumbers {
  /** Whole numbers from 0. */
  readonly whole?: RegExp;
  /** Numbers from 0 that need not be whole. */
  readonly notNegative?: RegExp;
}

/**
 * Every way in which a checkpoint can fit badly: each array missing, empty, one number short or long, with NaN in it, or with
 * a number that is negative or not whole (of those that the second argument says it of); an array too many; and each count of
 * its state missing, broken or far too large. Curves (`curve/…`) may hold NaN, so they get none.
 */
export function damagedCheckpoints(
  { state, arrays }: CheckpointData,
  { whole, notNegative }: CheckpointNumbers = {},
): DamagedCheckpoint[] {
  const without = (name: string): Record<string, Float64Array> =>
    Object.fromEntries(Object.entries(arrays).filter(([other]) => other !== name));
  const withArray = (name: string, array: Float64Array): CheckpointData => ({
    state,
    arrays: { ...arrays, [name]: array },
  });
  const damaged: DamagedCheckpoint[] = [
    { what: 'a foreign array', name: 'foreign', data: withArray('foreign', Float64Array.of(1)) },
  ];
  for (const [name, array] of Object.entries(arrays)) {
    damaged.push({ what: `"${name}" missing`, name, data: { state, arrays: without(name) } });
    damaged.push({ what: `"${name}" too long`, name, data: withArray(name, Float64Array.of(...array, 0)) });
    if (array.length === 0) continue;
    damaged.push({ what: `"${name}" truncated`, name, data: withArray(name, array.subarray(0, -1)) });
    damaged.push({ what: `"${name}" empty`, name, data: withArray(name, new Float64Array(0)) });
    if (whole?.test(name)) {
      damaged.push({ what: `"${name}" fractional`, name, data: withArray(name, array.with(0, array[0]! + 0.5)) });
    }
    if (whole?.test(name) || notNegative?.test(name)) {
      damaged.push({ what: `"${name}" negative`, name, data: withArray(name, array.with(0, -1)) });
    }
    if (name.includes('curve/')) continue;
    damaged.push({ what: `"${name}" not finite`, name, data: withArray(name, array.map(() => Number.NaN)) }); // biome-ignore format: one line
  }
  for (const [name, value] of Object.entries(state)) {
    if (typeof value !== 'number') continue;
    for (const wrong of [undefined, -1, value + 0.5, 1e9]) {
      damaged.push({ what: `${name}: ${wrong}`, name, data: { state: { ...state, [name]: wrong }, arrays } });
    }
  }
  return damaged;
}
