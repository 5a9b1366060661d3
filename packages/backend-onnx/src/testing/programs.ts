/** @file For our own tests: small programs and numbers for them. */
import { memoryWeights, type Program, ProgramBuilder, type WeightStore } from '@auto-circuit/core/backend';

/** For programs without weights. */
export const NO_WEIGHTS: WeightStore = memoryWeights({});

/** The program that `build` writes. */
export function program(build: (b: ProgramBuilder) => void): Program {
  const b = new ProgramBuilder('test');
  build(b);
  return b.build();
}

/** Floats in [−2, 2), the same on every machine (a linear congruence modulo 2³²). */
export function randomFloats(count: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 30 - 2;
  });
}
