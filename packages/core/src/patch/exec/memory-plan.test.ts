import { describe, expect, it } from 'vitest';
import type { WeightStore } from '../../backend/backend.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../../graph/build.js';
import { microModel } from '../../testing/micro-model.js';
import { checkMemory } from './memory-check.js';
import { MemoryPlan, type MemoryUse } from './memory-plan.js';

const MIB = 2 ** 20;
/** Weights of so many MiB in a file. */
const weights = (mib: number): WeightStore => ({
  key: 'test',
  names: ['w'],
  entry: () => ({ shape: [mib, MIB / 4], file: '/nowhere', byteOffset: 0 }),
  read: () => new Float32Array(),
});
/** A program that reads all of them and needs 2 MiB a prompt. */
const use = (prompts: number): MemoryUse => ({
  program: {
    values: 1024,
    weightBytes: 100 * MIB,
    copyBytes: 50 * MIB,
    peakBytes: ({ batch }) => 2 * MIB * (batch ?? 1),
    outputBytes: () => 0,
  },
  sizes: { batch: prompts, pos: 7 },
  hostBytes: 0,
});
const plan = (mib: number, strict: boolean, keepBytes?: number) =>
  new MemoryPlan({ bytes: mib * MIB, strict }, weights(100), keepBytes);
/** What is thrown. */
function caught(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
/** Process 208, program 24, values 14: what there is before weights and activations. */
const FIXED = 208 + 24 + 14;

describe('a memory plan', () => {
  it('counts weights, values, 1.5 times the activations', () => {
    expect(plan(1000, true).programBytes(use(4), false)).toBe((24 + 14 + 100 + 12) * MIB);
    expect(plan(1000, true).programBytes(use(4), true)).toBe((24 + 14 + 150 + 12) * MIB);
  });
  it('takes as many prompts as fit', () => {
    // what the weights and the process leave of 470 is 162: 3/8 of it are kept, 60.75
    const limit = FIXED + 100 + 12 + 60.75 + 51.25;
    expect(limit).toBe(470);
    expect(plan(limit, true).promptsThatFit(100, use)).toBe(21); // 63 of 63.25
    expect(plan(limit, true).promptsThatFit(5, use)).toBe(5);
  });
  it('refuses one prompt that does not fit, with a limit under which it does', () => {
    // 24 + 14 + 3 beyond weights and process are 5/8 of what there must be
    const tight = plan(FIXED + 100, true);
    expect(() => tight.promptsThatFit(3, use)).toThrow(
      /^\[memory\] one prompt of 7 tokens does not fit in the memory limit: expected at least 0\.37 GiB \(0\.10 of them weights\), got 0\.34 GiB; raise/,
    );
    const least = tight.leastLimit(use(1));
    expect(caught(() => tight.promptsThatFit(3, use))).toMatchObject({
      code: 'memory-limit',
      fields: { bytes: Math.ceil(least), limit: (FIXED + 100) * MIB, length: 7 },
    });
    expect(new MemoryPlan({ bytes: least + 1, strict: true }, weights(100)).promptsThatFit(3, use)).toBe(1);
    expect(() => new MemoryPlan({ bytes: least - MIB, strict: true }, weights(100)).promptsThatFit(3, use)).toThrow();
  });
  it('goes on with one prompt where no limit was asked for', () => {
    expect(plan(10, false).promptsThatFit(3, use)).toBe(1);
  });
  it('copies weights when that fits; unasked only while copies are an eighth', () => {
    const bytes = 200 * MIB;
    expect(plan(1000, true, 0).allowsPrepacking(bytes, 150 * MIB)).toBe(true);
    expect(plan(1000, false, 0).allowsPrepacking(bytes, 150 * MIB)).toBe(false);
    expect(plan(1200, false, 0).allowsPrepacking(bytes, 150 * MIB)).toBe(true);
    // 208 of the process, 200, and an eighth of what 308 leave: 425.75 of 450, 422 of 420
    expect(plan(450, true, 0).allowsPrepacking(bytes, 150 * MIB)).toBe(true);
    expect(plan(420, true, 0).allowsPrepacking(bytes, 150 * MIB)).toBe(false);
    expect(plan(10_000, true, 0).allowsPrepacking(1500 * MIB, 1100 * MIB)).toBe(false); // takes too long to make
  });
  it('counts weights that lie in memory twice: there and in the session', () => {
    const inMemory: WeightStore = { ...weights(0), entry: () => ({ shape: [MIB], data: new Float32Array(MIB) }) };
    const [here, filed] = [inMemory, weights(4)].map(
      (store) => new MemoryPlan({ bytes: 300 * MIB, strict: true }, store),
    );
    expect(filed!.keepBytes - here!.keepBytes).toBe(MIB); // a quarter of the 4 MiB less
  });
});

describe('the check before anything is loaded', () => {
  // Read at every position: its heads move nothing between positions, so that one alone would want one position alone.
  const micro = microModel();
  const model = { ...micro, spec: { ...micro.spec, outputs: 'all' as const } };
  const graph = buildGraph(model.spec.layout, DEFAULT_GRAPH_OPTIONS);
  const check = (mib: number, length: number, gradients: boolean) => () =>
    checkMemory({ model, graph, memoryBytes: mib * MIB, length, gradients });
  it('asks for more where there are gradients, and for longer prompts', () => {
    const least = (length: number, gradients: boolean): number => {
      let mib = 200;
      while (true) {
        try {
          check(mib, length, gradients)();
          return mib;
        } catch {
          mib++;
        }
      }
    };
    const [short, plain, gradient] = [least(3, true), least(200_000, false), least(200_000, true)];
    expect(gradient).toBeGreaterThan(plain);
    expect(plain).toBeGreaterThan(short);
    expect(caught(check(100, 3, false))).toMatchObject({
      code: 'memory-limit',
      fields: { limit: 100 * MIB, length: 3 },
    });
  });
});
