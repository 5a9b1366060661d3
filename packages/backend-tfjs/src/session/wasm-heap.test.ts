/** What is done about a heap that does not look after itself: tfjs 4.22 on WebAssembly, with nearly nothing left. */
import { type Executable, floatTensor, memoryWeights, ProgramBuilder } from '@auto-circuit/core/backend';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadRuntime } from '../runtime/load.js';
import type { Runtime } from '../runtime/runtime.js';
import { tfjsBackend } from './backend.js';
import { makeExecutable } from './executable.js';
import { planProgram } from './plan.js';
import { WeightCache } from './weight-cache.js';

let wasm: Runtime;
beforeAll(async () => {
  wasm = await loadRuntime({ device: 'wasm', threads: undefined, folder: undefined });
});

const taken: number[] = [];
const module = () =>
  (wasm.tf.backend() as unknown as { wasm: { _malloc(n: number): number; _free(at: number): void } }).wasm;
/** Takes what is left of the heap but for less than 2 MB. The pages are not touched, so that this costs next to no memory. */
function fillHeap(): void {
  wasm.activate();
  for (const bytes of [1e8, 1e7, 1e6]) {
    for (;;) {
      try {
        taken.push(module()._malloc(bytes));
      } catch {
        break;
      }
    }
  }
}
afterEach(() => {
  for (const at of taken.splice(0)) module()._free(at);
});

const SIZE = 1024; // 4 MB a matrix
const ones = (rows: number) => new Float32Array(rows * SIZE).fill(1);
const product = (() => {
  const b = new ProgramBuilder('product');
  b.output('y', b.matmul(b.input('x', 'float', ['n', SIZE]), b.weight('w', [SIZE, SIZE])));
  return b.build();
})();
/** The product, with a limit that is not that of the heap. */
function compiled(limit: number): Executable {
  const plan = planProgram(product);
  const store = memoryWeights({ w: { shape: [SIZE, SIZE], data: ones(SIZE) } }, 'ones');
  const weights = new WeightCache(wasm, limit).hold(product, plan.weightNames, store);
  return makeExecutable({ runtime: wasm, plan, weights, limit, onDispose: () => undefined });
}
const feed = (rows: number) => ({ x: floatTensor(ones(rows), [rows, SIZE]) });

describe('a heap with nothing left', () => {
  it('gives an error for a tensor that does not fit, where tfjs writes over others', async () => {
    const executable = compiled(Number.POSITIVE_INFINITY);
    fillHeap();
    await expect(executable.run(feed(SIZE))).rejects.toMatchObject({
      code: 'out-of-memory',
      fields: { program: 'product' },
      message: expect.stringContaining('no 4.2 MB are left'),
    });
    await executable.dispose();
  });
  it('gives an error for a matrix that cannot be packed, where tfjs only writes on the console', async () => {
    const executable = compiled(Number.POSITIVE_INFINITY);
    fillHeap();
    await expect(executable.run(feed(1))).rejects.toMatchObject({
      code: 'runtime-failed',
      message: expect.stringMatching(/failed at %2 matmul: got "XNN status/),
    });
    for (const at of taken.splice(0)) module()._free(at);
    expect((await executable.run(feed(1))).y!.data[0]).toBe(SIZE); // and works again
    await executable.dispose();
  });
  it('is refused before it is reached', async () => {
    const backend = await tfjsBackend({ device: 'wasm' });
    const executable = await backend.compile(
      product,
      memoryWeights({ w: { shape: [SIZE, SIZE], data: ones(SIZE) } }, 'ones'),
    );
    fillHeap();
    await expect(executable.run(feed(1))).rejects.toMatchObject({ code: 'memory-limit' });
    await backend.dispose();
  });
});

describe('what is in use', () => {
  it('counts tensors and packed copies, until they are freed', async () => {
    const before = wasm.heap!.bytes;
    const executable = compiled(Number.POSITIVE_INFINITY);
    expect(wasm.heap!.bytes - before).toBe(4 * SIZE * SIZE);
    await executable.run(feed(1));
    await executable.run(feed(3));
    expect(wasm.heap!.bytes - before).toBe(2 * 4 * SIZE * SIZE);
    await executable.dispose();
    expect(wasm.heap!.bytes).toBe(before);
  });
  it('counts what is to come: a run that fits to the byte is allowed, and one byte less is not', async () => {
    // the weight, its packed copy, x, y, and a copy of each as a product may make them: x twice
    const bytes = wasm.heap!.bytes + 2 * 4 * SIZE * SIZE + 4 * SIZE * (1 + 1 + 1 + 2);
    const enough = compiled(bytes);
    expect((await enough.run(feed(1))).y!.data[0]).toBe(SIZE);
    await enough.dispose();
    const tooLittle = compiled(bytes - 1);
    await expect(tooLittle.run(feed(1))).rejects.toMatchObject({
      code: 'memory-limit',
      fields: { bytes, limit: bytes - 1 },
    });
    await tooLittle.dispose();
  });
});

it('a weight that a product reads transposed is taken on the left: neither moved nor packed', async () => {
  const [rows, columns] = [6, 512];
  const b = new ProgramBuilder('transposed');
  b.output('y', b.matmul(b.input('x', 'float', ['n', columns]), b.weight('w', [rows, columns]), { transposeB: true }));
  const numbers = (count: number, step: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(step * i));
  const [w, x] = [numbers(rows * columns, 0.7), numbers(2 * columns, 0.3)];
  const backend = await tfjsBackend({ device: 'wasm' });
  const before = wasm.heap!.bytes;
  const executable = await backend.compile(b.build(), memoryWeights({ w: { shape: [rows, columns], data: w } }, 'w'));
  const { y } = await executable.run({ x: floatTensor(x, [2, columns]) });
  expect(wasm.heap!.bytes - before).toBe(4 * rows * columns);
  const exact = [0, 1].flatMap((n) =>
    Array.from({ length: rows }, (_, r) =>
      w.slice(r * columns, (r + 1) * columns).reduce((sum, value, k) => sum + value * x[n * columns + k]!, 0),
    ),
  );
  // 512 products of numbers below 1, each sum rounded by at most 2⁻²⁴ of the partial sum
  y!.data.forEach((value, i) => expect(Math.abs(Number(value) - exact[i]!)).toBeLessThan(columns * 2 ** -24 * 16));
  await backend.dispose();
});
