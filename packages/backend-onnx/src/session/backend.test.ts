import {
  AutoCircuitError,
  addDims,
  type Backend,
  floatTensor,
  intTensor,
  memoryWeights,
  multiplyDims,
  ProgramBuilder,
} from '@auto-circuit/core/backend';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lower } from '../lower/index.js';
import { physicalCores } from '../runtime/cores.js';
import { ONNX_DEVICES } from '../runtime/devices.js';
import { NO_WEIGHTS, program, randomFloats } from '../testing/programs.js';
import { onnxBackend } from './backend.js';

const double = program((b) => b.output('y', b.mul(b.input('x', 'float', ['n']), 2)));
const feed = (...numbers: number[]) => ({ x: floatTensor(Float32Array.from(numbers), [numbers.length]) });

let backend: Backend;
beforeAll(async () => {
  backend = await onnxBackend({ threads: 2 });
});
afterAll(() => backend.dispose());

const rejection = async (promise: Promise<unknown>): Promise<AutoCircuitError> => {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(AutoCircuitError);
  return error as AutoCircuitError;
};

describe('the backend', () => {
  it('says what it is', () => {
    expect(backend.info).toEqual({
      backend: 'onnx',
      device: 'cpu',
      threads: 2,
      emptyAxes: true,
      runtime: 'onnxruntime-node 1.30.0',
    });
  });
  it('takes as many threads as there are cores', async () => {
    const one = await onnxBackend();
    expect(one.info.threads).toBe(physicalCores());
    expect(physicalCores()).toBeGreaterThanOrEqual(1);
  });
  it('refuses an unknown device', async () => {
    expect(await rejection(onnxBackend({ device: 'gpu' }))).toMatchObject({
      code: 'invalid-option',
      kind: 'user',
      fields: { option: 'device', got: 'gpu', known: ONNX_DEVICES },
    });
  });
  it.each([0, 1.5, -1])('refuses %d threads', async (threads) => {
    const error = { code: 'invalid-option', fields: { option: 'threads', got: threads } };
    expect(await rejection(onnxBackend({ threads }))).toMatchObject(error);
  });
  it.runIf(process.platform === 'linux').each(['coreml', 'dml'])(
    'says that %s is not for this system',
    async (device) => {
      const error = await rejection(onnxBackend({ device }));
      expect(error).toMatchObject({ code: 'device-unavailable', kind: 'user', fields: { device } });
      expect(error.message).toMatch(
        new RegExp(
          `^\\[backend-onnx\\] device ${device} is not available here; it needs .*; onnxruntime brings these here: cpu, `,
        ),
      );
    },
  );
  it('disposes of what is live', async () => {
    const own = await onnxBackend({ threads: 1 });
    const executable = await own.compile(double, NO_WEIGHTS);
    await own.dispose();
    expect((await rejection(executable.run(feed(1)))).code).toBe('already-disposed');
  });
});

describe('an executable', () => {
  it('runs again and again at any size', async () => {
    const executable = await backend.compile(double, NO_WEIGHTS);
    expect((await executable.run(feed(1, 2))).y).toEqual(floatTensor(Float32Array.of(2, 4), [2]));
    expect((await executable.run(feed(3))).y).toEqual(floatTensor(Float32Array.of(6), [1]));
    await executable.dispose();
  });
  it('gives results that later runs do not write into', async () => {
    const executable = await backend.compile(double, NO_WEIGHTS);
    const first = await executable.run(feed(1, 2));
    await executable.run(feed(5, 6));
    expect([...first.y!.data]).toEqual([2, 4]);
    await executable.dispose();
  });
  it('does not write into its feeds', async () => {
    const executable = await backend.compile(double, NO_WEIGHTS);
    const given = feed(1, 2, 3);
    await executable.run(given);
    expect([...given.x.data]).toEqual([1, 2, 3]);
    await executable.dispose();
  });
  it('gives one value under two names as two arrays', async () => {
    const of = program((b) => {
      const y = b.exp(b.input('x', 'float', ['n']));
      b.output('a', y);
      b.output('b', y);
    });
    const executable = await backend.compile(of, NO_WEIGHTS);
    const { a, b } = await executable.run(feed(0));
    expect([...a!.data, ...b!.data]).toEqual([1, 1]);
    expect(a!.data.buffer).not.toBe(b!.data.buffer);
    await executable.dispose();
  });
  it('takes float64 feeds, rounded', async () => {
    const executable = await backend.compile(double, NO_WEIGHTS);
    const { y } = await executable.run({ x: floatTensor(Float64Array.of(0.1), [1]) });
    expect([...y!.data]).toEqual([2 * Math.fround(0.1)]);
    await executable.dispose();
  });
  it('runs what is asked at once one after the other', async () => {
    const executable = await backend.compile(double, NO_WEIGHTS);
    const results = await Promise.all([1, 2, 3, 4].map((n) => executable.run(feed(n))));
    expect(results.map((r) => r.y!.data[0])).toEqual([2, 4, 6, 8]);
    await executable.dispose();
  });
  it('finishes a run that was asked for before dispose, and refuses one after', async () => {
    const executable = await backend.compile(double, NO_WEIGHTS);
    const run = executable.run(feed(4));
    const disposed = executable.dispose();
    const late = rejection(executable.run(feed(4)));
    expect((await run).y!.data[0]).toBe(8);
    await disposed;
    expect(await late).toMatchObject({ code: 'already-disposed', fields: { program: 'test' } });
    await executable.dispose();
  });
  it('goes on after a run that failed, or was refused for an index that is fed', async () => {
    const of = program((b) => {
      const [x, i] = [b.input('x', 'float', ['n']), b.input('i', 'int', ['k'])];
      b.output('fed', b.gather(x, i, 0));
      b.output('computed', b.gather(x, b.add(i, i), 0));
    });
    const executable = await backend.compile(of, NO_WEIGHTS);
    const at = (index: number) => executable.run({ ...feed(1, 2), i: intTensor([index], [1]) });
    expect(await rejection(at(1))).toMatchObject({
      code: 'runtime-failed',
      fields: { program: 'test' },
      message: expect.stringMatching(/^\[backend-onnx\] program "test" failed: got ".*out of/),
    });
    for (const index of [-1, 2]) {
      expect(await rejection(at(index))).toMatchObject({ code: 'index-out-of-range', fields: { index, size: 2 } });
    }
    const { fed, computed } = await at(0);
    expect([...fed!.data, ...computed!.data]).toEqual([1, 1]);
    await executable.dispose();
  });
  it.each([
    ['a missing feed', {}, 'invalid-feed'],
    ['an extra feed', { ...feed(1), z: floatTensor(Float32Array.of(1), [1]) }, 'unknown-name'],
    ['a wrong rank', { x: floatTensor(Float32Array.of(1), [1, 1]) }, 'invalid-feed'],
    ['a wrong dtype', { x: intTensor([1], [1]) }, 'invalid-feed'],
  ])('refuses %s', async (_title, feeds, code) => {
    const executable = await backend.compile(double, NO_WEIGHTS);
    expect((await rejection(executable.run(feeds))).code).toBe(code);
    await executable.dispose();
  });
});

describe('a program', () => {
  it('is refused when the size of a symbol follows from no input', async () => {
    const of = program((b) => b.output('y', b.iota(['pos'], 0)));
    expect(await rejection(backend.compile(of, NO_WEIGHTS))).toMatchObject({
      code: 'invalid-program',
      fields: { program: 'test', symbol: 'pos' },
    });
  });
  it('finds a symbol in an axis that is linear in it', async () => {
    const of = program((b) => {
      const x = b.input('x', 'float', [addDims(multiplyDims(2, 'pos'), 3)]);
      b.output('y', b.reshape(b.slice(x, 0, 3, b.dim(x, 0)), [2, 'pos']));
      b.output('places', b.iota(['pos'], 0));
    });
    const executable = await backend.compile(of, NO_WEIGHTS);
    const { y, places } = await executable.run({ x: floatTensor(Float32Array.of(9, 8, 7, 1, 2, 3, 4, 5, 6), [9]) });
    expect([y!.shape, [...y!.data], [...places!.data]]).toEqual([
      [2, 3],
      [1, 2, 3, 4, 5, 6],
      [0, 1, 2],
    ]);
    await executable.dispose();
  });
  it('does not store a big constant that is one number', () => {
    const of = program((b) =>
      b.output('y', b.concat([b.constant(7, [1000, 1000]), b.input('x', 'float', ['n', 1000])], 0)),
    );
    expect(lower(of, NO_WEIGHTS).model.length).toBeLessThan(1000);
  });
  it('reports a weight that the store does not have', async () => {
    const of = program((b) => b.output('y', b.weight('w', [2])));
    const weights = memoryWeights({ v: { shape: [2], data: new Float32Array(2) } });
    expect(await rejection(backend.compile(of, weights))).toMatchObject({
      code: 'unknown-name',
      fields: { what: 'weight', name: 'w' },
    });
  });
  it('runs with prepacking, without it, and with resting threads', async () => {
    const b = new ProgramBuilder('product');
    b.output('y', b.matmul(b.input('x', 'float', ['n', 40]), b.weight('w', [40, 30])));
    const weights = memoryWeights({ w: { shape: [40, 30], data: randomFloats(1200, 2) } });
    const feeds = { x: floatTensor(randomFloats(200, 3), [5, 40]) };
    const numbers: number[][] = [];
    for (const settings of [{ prepack: true }, { prepack: false }, { memoryBytes: 1 }, { spinning: false }]) {
      const own = await onnxBackend({ threads: 2, ...settings });
      const executable = await own.compile(b.build(), weights);
      numbers.push([...(await executable.run(feeds)).y!.data]);
      await own.dispose();
    }
    for (const other of numbers.slice(1)) {
      for (const [i, v] of other.entries()) expect(v).toBeCloseTo(numbers[0]![i]!, 4);
    }
  });
});
