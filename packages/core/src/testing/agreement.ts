/** @file How far a backend's results are from the interpreter's, in units of float32 rounding. */
import type { Backend, Feeds, Results, WeightStore } from '../backend/backend.js';
import { programInputs } from '../backend/check-feeds.js';
import { interpret } from '../backend/interpreter/interpreter.js';
import { memoryWeights } from '../backend/memory-weights.js';
import { type DimSizes, evaluateShape } from '../ir/program/dims.js';
import type { Program } from '../ir/program/program.js';
import { elementCount, type Tensor } from '../tensor/tensor.js';
import { draws } from './draws.js';

/** The largest int that `seededFeeds` gives, plus one. */
export const INT_RANGE = 3;
/** float32 keeps 24 bits. */
export const FLOAT32_STEP = 2 ** -23;

/** Floats in [−2, 2), ints from 0 to 2, bools, for every input of a program. */
export function seededFeeds(program: Program, sizes: DimSizes, seed: number): Feeds {
  const random = draws(seed);
  const feeds: Record<string, Tensor> = {};
  for (const { attributes, dtype, shape: dims } of programInputs(program)) {
    const shape = evaluateShape(dims, sizes);
    const length = elementCount(shape);
    const data = {
      float: () => Float32Array.from({ length }, () => random.uniform(-2, 2)),
      int: () => Int32Array.from({ length }, () => random.below(INT_RANGE)),
      bool: () => Uint8Array.from({ length }, () => random.below(2)),
    }[dtype]();
    feeds[attributes.name] = { dtype, shape, data };
  }
  return feeds;
}

/**
 * The largest difference, in float32 steps of the largest expected magnitude of its output (at least 1): 1 is about one
 * rounding. Infinity for other names, shapes or dtypes, and where one of the two is not a number.
 */
export function stepsApart(got: Results, expected: Results): number {
  const names = Object.keys(expected);
  if (Object.keys(got).sort().join() !== [...names].sort().join()) return Number.POSITIVE_INFINITY;
  return Math.max(0, ...names.map((name) => tensorStepsApart(got[name]!, expected[name]!)));
}

function tensorStepsApart(got: Tensor, expected: Tensor): number {
  if (got.dtype !== expected.dtype || got.shape.join() !== expected.shape.join()) return Number.POSITIVE_INFINITY;
  let scale = 1;
  for (const x of expected.data) if (Number.isFinite(x)) scale = Math.max(scale, Math.abs(x));
  let worst = 0;
  for (const [i, x] of expected.data.entries()) {
    const y = got.data[i]!;
    if (Object.is(x, y) || x === y) continue;
    const apart = Math.abs(x - y) / (scale * FLOAT32_STEP);
    worst = Math.max(worst, Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart);
  }
  return worst;
}

/**
 * Compiles once, runs with seeded feeds at every given size, and gives the largest difference from the interpreter in
 * float64, in roundings as of `stepsApart`.
 */
export async function disagreement(
  backend: Pick<Backend, 'compile'>,
  program: Program,
  sizes: readonly DimSizes[] = [{}],
  weights: WeightStore = memoryWeights({}),
): Promise<number> {
  const executable = await backend.compile(program, weights);
  let worst = 0;
  for (const [i, size] of sizes.entries()) {
    const feeds = seededFeeds(program, size, i + 1);
    worst = Math.max(worst, stepsApart(await executable.run(feeds), interpret(program, feeds, weights)));
  }
  await executable.dispose();
  return worst;
}
