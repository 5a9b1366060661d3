import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  AutoCircuitError,
  type Backend,
  floatTensor,
  gradient,
  intTensor,
  memoryWeights,
  type Program,
  ProgramBuilder,
  type WeightStore,
} from '@auto-circuit/core/backend';
import { COMPOSITES } from '@auto-circuit/core/testing';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEVICES, TFJS_DEVICES } from '../runtime/devices.js';
import { findRuntime } from '../runtime/find.js';
import { tfjsBackend } from './backend.js';
import { peakBytes } from './memory.js';
import { planProgram } from './plan.js';

const program = (build: (b: ProgramBuilder) => void): Program => {
  const b = new ProgramBuilder('test');
  build(b);
  return b.build();
};
const NO_WEIGHTS = memoryWeights({});
const double = program((b) => b.output('y', b.mul(b.input('x', 'float', ['n']), 2)));
const feed = (...numbers: number[]) => ({ x: floatTensor(Float32Array.from(numbers), [numbers.length]) });
const tensors = (): number => tf.memory().numTensors;
const rejection = async (promise: Promise<unknown>): Promise<AutoCircuitError> => {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(AutoCircuitError);
  return error as AutoCircuitError;
};

let backend: Backend;
beforeAll(async () => {
  backend = await tfjsBackend({ device: 'wasm' });
});
afterAll(() => backend.dispose());

describe('the backend', () => {
  it('says what it is', () => {
    expect(backend.info).toEqual({
      backend: 'tfjs',
      device: 'wasm',
      threads: 1,
      runtime: '@tensorflow/tfjs-backend-wasm 4.22.0',
      memory: { mostBytes: ((2 ** 32 - 2 ** 16) * 7) / 8, copiesWeights: true, sharesWeights: true },
    });
  });
  it('takes the first device that is installed', async () => {
    const own = await tfjsBackend();
    expect(own.info.device).toBe(TFJS_DEVICES.find((device) => findRuntime(device)));
    await own.dispose();
  });
  it('refuses an unknown device and a wrong number of threads', async () => {
    const wrong = (option: string, got: unknown) => ({ code: 'invalid-option', fields: { option, got } });
    expect(await rejection(tfjsBackend({ device: 'cuda' }))).toMatchObject(wrong('device', 'cuda'));
    expect(await rejection(tfjsBackend({ threads: 0 }))).toMatchObject(wrong('threads', 0));
  });
  it('says how to get a package that is not installed, and what is', async () => {
    expect(await rejection(tfjsBackend({ device: 'gpu' }))).toMatchObject({
      code: 'runtime-missing',
      fields: { package: '@tensorflow/tfjs-node-gpu', device: 'gpu' },
      message: expect.stringMatching(/; npm install .*; installed: .*wasm, cpu$/),
    });
  });
  it('says of a package that is installed but broken why it does not start', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'tfjs-broken-'));
    const broken = path.join(folder, 'node_modules', '@tensorflow', 'tfjs-node-gpu');
    mkdirSync(broken, { recursive: true });
    writeFileSync(path.join(broken, 'package.json'), '{ "name": "@tensorflow/tfjs-node-gpu", "version": "4.9.9" }');
    writeFileSync(path.join(broken, 'index.js'), 'throw new Error("no libcudart\\nsecond line");');
    expect(await rejection(tfjsBackend({ folder }))).toMatchObject({
      code: 'device-unavailable',
      fields: { device: 'gpu', package: '@tensorflow/tfjs-node-gpu' },
      message: expect.stringMatching(
        /tfjs-node-gpu 4\.9\.9 is installed but does not start: got "no libcudart"; install it again .* or take another device$/,
      ),
    });
    rmSync(folder, { recursive: true });
  });
  it('disposes of what is live', async () => {
    const own = await tfjsBackend({ device: 'wasm' });
    const before = tensors();
    const executable = await own.compile(double, NO_WEIGHTS);
    await own.dispose();
    expect(tensors()).toBe(before);
    expect(await rejection(executable.run(feed(1)))).toMatchObject({
      code: 'already-disposed',
      fields: { program: 'test' },
    });
  });
  it('computes on two devices at once, each on its own', async () => {
    const other = await tfjsBackend({ device: 'cpu' });
    const executables = [await backend.compile(double, NO_WEIGHTS), await other.compile(double, NO_WEIGHTS)];
    const results = await Promise.all([1, 2, 3, 4].map((n) => executables[n % 2]!.run(feed(n, -n))));
    expect(results.map((r) => [...r.y!.data])).toEqual([1, 2, 3, 4].map((n) => [2 * n, -2 * n]));
    for (const executable of executables) await executable.dispose();
  });
  it('lets timers have their turn in a long loop of runs', async () => {
    const executable = await backend.compile(double, NO_WEIGHTS);
    let turns = 0;
    const turn = (): void => {
      turns++;
      next = setImmediate(turn);
    };
    let next = setImmediate(turn);
    for (let run = 0; run < 50; run++) await executable.run(feed(1));
    clearImmediate(next);
    // every run gives way once, whatever the machine is doing
    expect(turns).toBeGreaterThanOrEqual(40);
    await executable.dispose();
  });
});

describe('weights', () => {
  const reader = (name: string) =>
    program((b) => b.output('y', b.mul(b.weight(name, [3]), b.input('x', 'float', ['n', 1]))));
  const data = { a: { shape: [3], data: Float32Array.of(1, 2, 3) }, b: { shape: [3], data: Float32Array.of(4, 5, 6) } };
  const counting = (key: string): { store: WeightStore; reads: string[] } => {
    const reads: string[] = [];
    const store = memoryWeights(data, key);
    return {
      reads,
      store: {
        ...store,
        key,
        read: (name) => {
          reads.push(name);
          return store.read(name);
        },
      },
    };
  };
  it('are uploaded once for all executables, by the key of their store, and freed with the last', async () => {
    const before = tensors();
    const [one, same, other] = [counting('k'), counting('k'), counting('l')];
    const first = await backend.compile(reader('a'), one.store);
    const second = await backend.compile(reader('a'), same.store);
    const third = await backend.compile(reader('b'), other.store);
    expect([one.reads, same.reads, other.reads]).toEqual([['a'], [], ['b']]);
    expect(tensors()).toBe(before + 2);
    await first.dispose();
    const x = floatTensor(Float32Array.of(2), [1, 1]);
    expect([...(await second.run({ x })).y!.data]).toEqual([2, 4, 6]);
    expect([...(await third.run({ x })).y!.data]).toEqual([8, 10, 12]);
    await second.dispose();
    expect(tensors()).toBe(before + 1);
    await third.dispose();
    expect(tensors()).toBe(before);
  });
  it('are freed when one of them does not fit', async () => {
    const before = tensors();
    const misshapen = program((b) => {
      b.output('y', b.add(b.weight('a', [3]), b.sum(b.weight('b', [3, 1]), [0, 1])));
    });
    expect(await rejection(backend.compile(misshapen, memoryWeights(data)))).toMatchObject({
      code: 'wrong-shape',
      fields: { program: 'test', weight: 'b', shape: [3], expectedShape: [3, 1] },
    });
    expect(tensors()).toBe(before);
  });
});

describe('a run', () => {
  it('leaves nothing: 1,000 runs of a gradient', async () => {
    const b = new ProgramBuilder('mlp');
    const x = b.input('x', 'float', ['batch', 6]);
    const hidden = COMPOSITES.gelu(b, b.matmul(COMPOSITES.layerNorm(b, x), b.weight('in', [6, 8])));
    const out = b.logSoftmax(b.matmul(hidden, b.weight('out', [8, 5])));
    const chosen = b.gather(out, b.input('i', 'int', ['k']), 1);
    b.output('dx', gradient(b, b.sum(chosen, [0, 1]), [x])[0]!);
    b.output('chosen', chosen);
    const fill = (count: number, at: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i + at));
    const weights = memoryWeights({
      in: { shape: [6, 8], data: fill(48, 1) },
      out: { shape: [8, 5], data: fill(40, 2) },
    });
    const executable = await backend.compile(b.build(), weights);
    const run = (batch: number, index = 1) =>
      executable.run({ x: floatTensor(fill(6 * batch, 3), [batch, 6]), i: intTensor([0, index], [2]) });
    await run(1);
    const { numTensors, numDataBuffers, numBytes } = tf.memory();
    for (let i = 0; i < 1000; i++) await run(1 + (i % 4));
    await expect(run(3, 9)).rejects.toMatchObject({ code: 'index-out-of-range', fields: { index: 9, size: 5 } });
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers, numBytes });
    await executable.dispose();
  });
  it('is refused a symbol whose size follows from no input', async () => {
    const of = program((b) => b.output('y', b.iota(['pos'], 0)));
    expect(await rejection(backend.compile(of, NO_WEIGHTS))).toMatchObject({
      code: 'invalid-program',
      fields: { program: 'test', symbol: 'pos' },
    });
  });
  it('keeps a constant that is one number as one number', async () => {
    const spread = program((b) => b.output('y', b.add(b.input('x', 'float', ['n', 1]), b.constant(3, [1, 1000]))));
    // It has to stretch the other operand.
    expect(planProgram(spread).held).toEqual([]);
    const scalar = program((b) => b.output('y', b.add(b.input('x', 'float', ['n', 1000]), b.constant(3, [1, 1000]))));
    expect(planProgram(scalar).held).toEqual([{ dtype: 'float', shape: [], data: [3] }]);
  });
});

describe('peakBytes', () => {
  it('counts what is live at once, and a copy of what an op reads and gives', () => {
    const of = program((b) => {
      const x = b.input('x', 'float', ['n', 10]); // 40n
      const wide = b.broadcast(b.reshape(x, ['n', 1, 10]), ['n', 7, 10]); // 280n
      b.output('y', b.sum(wide, [1, 2])); // 4n
    });
    // At the broadcast: it and the reshaped x live (x itself is freed), and a copy of each: 2 · (40 + 280) bytes for each n;
    // at the sum: 2 · (280 + 4).
    expect(peakBytes(planProgram(of), { n: 3 }, DEVICES.wasm)).toBe(3 * 640);
  });
});
