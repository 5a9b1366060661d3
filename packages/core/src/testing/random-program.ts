/**
 * @file Random programs over all ops, with feeds and weights: what simplify, gradients and backends are tried on.
 *
 * @example
 * const { program, feeds, weights } = randomProgram(7);
 * const results = interpret(program, feeds, weights);
 */
import type { Feeds, WeightStore } from '../backend/backend.js';
import { memoryWeights } from '../backend/memory-weights.js';
import type { OpName, Program } from '../ir/program/program.js';
import { draws } from './draws.js';
import { RandomPool } from './random-pool.js';
import { compositeStep, RANDOM_STEPS } from './random-steps.js';

/** A program with what it takes to run it. */
export interface RandomProgram {
  readonly program: Program;
  readonly feeds: Feeds;
  readonly weights: WeightStore;
}
/** What random programs are made of. */
export interface RandomProgramSettings {
  /** How many ops are put in on purpose (each may bring a few more); default 25. */
  readonly steps?: number;
  /** Which ops are put in; default all. */
  readonly ops?: readonly OpName[];
}

/** Every op there is. */
export const ALL_OPS = Object.keys(RANDOM_STEPS) as readonly OpName[];

/**
 * A valid program with symbols `batch` (2) and `pos` (3), float values within ±30 and no comparison near a tie, so that
 * rounding cannot turn it. Outputs are float or int. The same seed and settings give the same program, feeds, weights.
 */
export function randomProgram(seed: number, settings: RandomProgramSettings = {}): RandomProgram {
  const { steps = 25, ops = ALL_OPS } = settings;
  const pool = new RandomPool(`random ${seed}`, draws(seed));
  const { b, random } = pool;
  // These two fix the symbols, whatever else is fed.
  pool.input('float', b.constant(0, ['batch', 'pos']).shape);
  pool.input('float', b.constant(0, ['batch', 2, 'pos', 3]).shape);
  for (let step = 0; step < steps; step++) {
    const before = pool.entries.length;
    if (random.chance(0.08)) compositeStep(pool);
    else RANDOM_STEPS[random.pick(ops)](pool);
    // A value that grew too large stays in the program but is not built on.
    pool.entries.splice(
      before,
      pool.entries.length,
      ...pool.entries.slice(before).filter((e) => pool.fits(e.value.shape)),
    );
  }
  const candidates = pool.entries.filter(({ value }) => value.dtype !== 'bool');
  const chosen = new Set([...candidates.slice(-3), random.pick(candidates), random.pick(candidates)]);
  [...chosen].forEach(({ value }, i) => {
    b.output(`y${i}`, value);
  });
  return { program: b.build(), feeds: pool.feeds, weights: memoryWeights(pool.weights, `random ${seed}`) };
}
