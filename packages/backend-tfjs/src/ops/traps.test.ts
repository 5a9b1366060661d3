/** What tfjs 4.22 gets wrong, seen on tfjs itself, beside what the programs get. When one is mended, its test says so. */
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { type Backend, floatTensor, intTensor, memoryWeights, ProgramBuilder } from '@auto-circuit/core/backend';
import { disagreement } from '@auto-circuit/core/testing';
import type { Tensor } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadRuntime } from '../runtime/load.js';
import type { Runtime } from '../runtime/runtime.js';
import { tfjsBackend } from '../session/backend.js';

let wasm: Runtime;
let cpu: Runtime;
let backend: Backend;
beforeAll(async () => {
  const request = { threads: undefined, folder: undefined };
  cpu = await loadRuntime({ ...request, device: 'cpu' });
  wasm = await loadRuntime({ ...request, device: 'wasm' });
  backend = await tfjsBackend({ device: 'wasm' });
});
afterAll(() => backend.dispose());

const program = (build: (b: ProgramBuilder) => void) => {
  const b = new ProgramBuilder('trap');
  build(b);
  return b.build();
};
/** What tfjs itself computes. */
const numbers = async ({ activate }: Runtime, make: () => Tensor): Promise<number[]> => {
  activate();
  const made = make();
  const data = Array.from(await made.data());
  made.dispose();
  return data;
};

describe('batch axes that each operand of a product lacks', () => {
  it.each([
    ['cpu', () => cpu],
    ['wasm', () => wasm],
  ])('give too few numbers on %s, without an error', async (_device, runtime) => {
    const { tf } = runtime();
    const data = await numbers(runtime(), () => tf.matMul(tf.ones([2, 1, 1, 1]), tf.ones([1, 3, 1, 1])));
    expect(data.length).toBeLessThan(6);
  });
  it('are right in a program', async () => {
    const of = program((b) =>
      b.output('y', b.matmul(b.input('x', 'float', [2, 1, 5, 7]), b.input('z', 'float', [1, 3, 7, 4]))),
    );
    expect(await disagreement(backend, of)).toBeLessThan(8);
  });
});

describe('bools on WebAssembly', () => {
  it('are cast from 0.5 as if it were 0', async () => {
    const { tf } = wasm;
    expect(await numbers(wasm, () => tf.cast(tf.tensor([0.5, 0, 2]), 'bool'))).toEqual([0, 0, 2]);
  });
  it('are right in a program', async () => {
    const of = program((b) => b.output('y', b.cast(b.input('x', 'float', [3]), 'bool')));
    const executable = await backend.compile(of, memoryWeights({}));
    const { y } = await executable.run({ x: floatTensor(Float32Array.of(0.5, 0, -2), [3]) });
    expect([...y!.data]).toEqual([1, 0, 1]);
    await executable.dispose();
  });
  it('are chosen wrongly by tf.where, four bytes for each', async () => {
    // In a process of its own: the kernel writes past its result.
    const require = createRequire(import.meta.url);
    const script = `
      const tf = require(${JSON.stringify(require.resolve('@tensorflow/tfjs-core'))});
      tf.enableProdMode();
      require(${JSON.stringify(require.resolve('@tensorflow/tfjs-backend-wasm'))});
      tf.setBackend('wasm').then(() => {
        const bools = (x) => tf.tensor(Array.from({ length: 8 }, () => x), [8], 'bool');
        console.log([...tf.where(tf.tensor([1, 0, 1, 0, 1, 0, 1, 0], [8], 'bool'), bools(1), bools(0)).dataSync()].join(''));
      });`;
    const shown = await promisify(execFile)(process.execPath, ['-e', script]).then(
      ({ stdout }) => stdout.trim(),
      (error: Error) => error.message,
    );
    expect(shown).toMatch(/^[01]{8}$|memory access out of bounds/);
    expect(shown).not.toBe('10101010');
  });
});

describe('on WebAssembly', () => {
  it('gather with batch axes gives other rows', async () => {
    const { tf } = wasm;
    const make = () =>
      tf.gather(tf.tensor([0, 1, 2, 3, 4, 5], [2, 3]), tf.tensor([2, 0], [2, 1], 'int32') as never, 1, 1);
    expect(await numbers(cpu, make)).toEqual([2, 3]);
    expect(await numbers(wasm, make)).not.toEqual([2, 3]);
  });
  it.each(['Einsum', 'UnsortedSegmentSum'])('%s is missing', (kernel) => {
    expect(cpu.tf.getKernel(kernel, 'cpu')).toBeDefined();
    expect(wasm.tf.getKernel(kernel, 'wasm')).toBeUndefined();
  });
  it('operands of seven axes are broadcast wrongly; in a program they are not', async () => {
    const { tf } = wasm;
    const [left, right] = [
      [2, 1, 2, 1, 2, 1, 2],
      [1, 2, 1, 2, 1, 2, 1],
    ] as const;
    const make = () =>
      tf.add(tf.reshape(tf.range(0, 16), [...left]), tf.reshape(tf.mul(tf.range(0, 8), 100), [...right]));
    expect(await numbers(wasm, make)).not.toEqual(await numbers(cpu, make));
    const of = program((b) => b.output('y', b.add(b.input('x', 'float', left), b.input('z', 'float', right))));
    expect(await disagreement(backend, of)).toBeLessThan(1);
  });
  it('a long sum loses digits; in a program it does not', async () => {
    const { tf } = wasm;
    const count = 2 ** 16;
    const exact = count * Math.fround(0.1);
    const [plain] = await numbers(wasm, () => tf.sum(tf.fill([count], 0.1)));
    expect(Math.abs(plain! / exact - 1)).toBeGreaterThan(2 ** -16);
    const of = program((b) => {
      const x = b.input('x', 'float', ['n']);
      b.output('sum', b.sum(x, 0));
      b.output('mean', b.mean(x, 0));
      b.output('odd', b.sum(b.slice(x, 0, 1, b.dim(x, 0)), 0));
    });
    const executable = await backend.compile(of, memoryWeights({}));
    const { sum, mean, odd } = await executable.run({ x: floatTensor(new Float32Array(count).fill(0.1), [count]) });
    // Three levels of at most 64 additions each, every one a relative rounding of at most 2⁻²⁴.
    const most = 3 * 64 * 2 ** -24;
    expect(Math.abs(sum!.data[0]! / exact - 1)).toBeLessThan(most);
    expect(Math.abs(mean!.data[0]! / Math.fround(0.1) - 1)).toBeLessThan(most);
    expect(Math.abs(odd!.data[0]! / (exact - Math.fround(0.1)) - 1)).toBeLessThan(most);
    await executable.dispose();
  });
  it('a program that does not fit in the heap is refused before it runs', async () => {
    const of = program((b) => {
      const x = b.input('x', 'float', ['batch', 'width']);
      b.output(
        'y',
        b.sum(b.exp(b.broadcast(b.reshape(x, ['batch', 1, 'width']), ['batch', 40_000, 'width'])), [0, 1, 2]),
      );
    });
    const executable = await backend.compile(of, memoryWeights({}));
    const feed = (batch: number) => ({ x: floatTensor(new Float32Array(100 * batch), [batch, 100]) });
    // 40,000 · 100 numbers of 4 bytes a prompt, the broadcast, its exponential and a copy at once: beyond 4 GB from 100 on.
    await expect(executable.run(feed(200))).rejects.toMatchObject({
      code: 'memory-limit',
      fields: { device: 'wasm', limit: ((2 ** 32 - 2 ** 16) * 7) / 8 },
      message: expect.stringMatching(/"trap" at batch 200, width 100 .*: expected at most 3\.7 GB, got \d+\.\d GB;/),
    });
    expect((await executable.run(feed(2))).y!.data[0]).toBeCloseTo(2 * 40_000 * 100, -3);
    await executable.dispose();
  });
  it('weights that do not fit are refused before they are read', async () => {
    const of = program((b) => b.output('y', b.gather(b.weight('w', [40_000, 40_000]), b.input('i', 'int', ['n']), 0)));
    const store = {
      key: 'huge',
      names: ['w'],
      entry: () => ({ shape: [40_000, 40_000], file: 'none', byteOffset: 0 }),
      read: (): Float32Array => {
        throw new Error('was read');
      },
    };
    await expect(backend.compile(of, store)).rejects.toMatchObject({
      code: 'memory-limit',
      message: expect.stringContaining('program "trap" with its weights does not fit'),
    });
  });
  it('indices are checked', async () => {
    const of = program((b) => b.output('y', b.gather(b.input('x', 'float', [3]), b.input('i', 'int', ['n']), 0)));
    const executable = await backend.compile(of, memoryWeights({}));
    const run = (i: number) =>
      executable.run({ x: floatTensor(Float32Array.of(1, 2, 3), [3]), i: intTensor([i], [1]) });
    for (const index of [3, -1])
      await expect(run(index)).rejects.toMatchObject({
        code: 'index-out-of-range',
        fields: { program: 'trap', index, size: 3 },
        message: expect.stringContaining('failed at %2 gather'),
      });
    await executable.dispose();
  });
});
