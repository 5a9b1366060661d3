/** @file For our own tests: runs a program on a backend and on the interpreter, and says how far apart they are. */
import {
  type Backend,
  type DimSizes,
  type Executable,
  elementCount,
  evaluateShape,
  type Feeds,
  interpret,
  memoryWeights,
  type Program,
  ProgramBuilder,
  programInputs,
  type Results,
  type Tensor,
  type WeightStore,
} from '@auto-circuit/core';

/** The largest int that `randomFeeds` gives, plus one. */
export const INT_RANGE = 3;
/** float32 keeps 24 bits. */
const FLOAT32_STEP = 2 ** -23;

export const NO_WEIGHTS: WeightStore = memoryWeights({});

export function program(build: (b: ProgramBuilder) => void): Program {
  const b = new ProgramBuilder('test');
  build(b);
  return b.build();
}

/** A small generator of numbers in [0, 1), the same on every machine (a linear congruence modulo 2³²). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
export const randomFloats = (count: number, seed: number): Float32Array => {
  const next = random(seed);
  return Float32Array.from({ length: count }, () => 4 * next() - 2);
};

/** Floats in [−2, 2), ints in [0, INT_RANGE), bools. */
export function randomFeeds(of: Program, sizes: DimSizes, seed = 1): Feeds {
  const next = random(seed);
  const feeds: Record<string, Tensor> = {};
  for (const { attributes, dtype, shape: dims } of programInputs(of)) {
    const shape = evaluateShape(dims, sizes);
    const count = elementCount(shape);
    const data = {
      float: () => Float32Array.from({ length: count }, () => 4 * next() - 2),
      int: () => Int32Array.from({ length: count }, () => Math.floor(next() * INT_RANGE)),
      bool: () => Uint8Array.from({ length: count }, () => (next() < 0.5 ? 1 : 0)),
    }[dtype]();
    feeds[attributes.name] = { dtype, shape, data };
  }
  return feeds;
}

/** The largest difference, in float32 steps of the largest expected magnitude (at least 1). Infinity for other shapes. */
export function stepsApart(got: Results, expected: Results): number {
  let worst = Object.keys(got).join() === Object.keys(expected).join() ? 0 : Number.POSITIVE_INFINITY;
  for (const [name, want] of Object.entries(expected)) {
    const have = got[name];
    if (have?.shape.join() !== want.shape.join() || have.dtype !== want.dtype) return Number.POSITIVE_INFINITY;
    const scale = [...want.data].reduce((m, x) => (Number.isFinite(x) ? Math.max(m, Math.abs(x)) : m), 1);
    want.data.forEach((x, i) => {
      const y = have.data[i]!;
      if (Object.is(x, y) || x === y) return;
      const apart = Math.abs(x - y) / (scale * FLOAT32_STEP);
      worst = Math.max(worst, Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart);
    });
  }
  return worst;
}

/** Compiles once, runs at every given size, and gives the worst disagreement with the interpreter in float64. */
export async function disagreement(
  backend: Pick<Backend, 'compile'>,
  of: Program,
  sizes: readonly DimSizes[] = [{}],
  weights: WeightStore = NO_WEIGHTS,
): Promise<number> {
  const executable: Executable = await backend.compile(of, weights);
  let worst = 0;
  for (const [seed, size] of sizes.entries()) {
    const feeds = randomFeeds(of, size, seed + 1);
    worst = Math.max(worst, stepsApart(await executable.run(feeds), interpret(of, feeds, weights)));
  }
  await executable.dispose();
  return worst;
}
