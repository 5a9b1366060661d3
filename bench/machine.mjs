/** @file Facts of the machine that times depend on: processor, memory, versions, and two rates as they are now. */
import { cpus, totalmem } from 'node:os';
import { onnxBackend, physicalCores } from '@auto-circuit/backend-onnx';
import { floatTensor, memoryWeights, ProgramBuilder } from '@auto-circuit/core/backend';

const THREADS = Number(process.env.BENCH_THREADS ?? 2);

/** Lines for the head of a table. */
export async function machineFacts() {
  const { runtime, ...rates } = await measuredRates();
  return [
    `${cpus()[0].model}, ${physicalCores()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB; Node ${process.version}, ${runtime}, ${THREADS} threads, float32`,
    ratesText(rates),
  ];
}

/**
 * What this machine does now: multiplications and additions a second of products with weights (`flops`), and bytes read and
 * written a second by one thread that copies (`bytes`), both in 10⁹. Measured before every case, since both drift.
 */
export async function measuredRates() {
  const { runtime, rate } = await multiplying(768, 12);
  return { runtime, flops: rate, bytes: copying(64 * 2 ** 20) };
}

/** Both rates in words. */
export const ratesText = ({ flops, bytes }) =>
  `768×768 products: ${flops.toFixed(0)} GFLOP/s; copying 256 MiB: ${bytes.toFixed(1)} GB/s read and written`;

/** Best rate of a chain of square products, in 10⁹ multiplications and additions a second. */
async function multiplying(size, products) {
  const backend = await onnxBackend({ threads: THREADS, prepack: true });
  const b = new ProgramBuilder('products');
  let x = b.input('x', 'float', [size, size]);
  for (let i = 0; i < products; i++) x = b.matmul(x, b.weight(`w${i}`, [size, size]));
  b.output('y', x);
  const data = new Float32Array(size * size).fill(1 / size);
  const weights = Object.fromEntries(
    Array.from({ length: products }, (_, i) => [`w${i}`, { shape: [size, size], data }]),
  );
  const executable = await backend.compile(b.build(), memoryWeights(weights, 'products'));
  const feeds = { x: floatTensor(data, [size, size]) };
  const best = await fastest(9, () => executable.run(feeds));
  const { runtime } = backend.info;
  await backend.dispose();
  return { runtime, rate: (2 * size ** 3 * products) / best / 1e6 };
}

/** Bytes read and written a second, in 10⁹, by one thread that copies so many floats. */
function copying(count) {
  const [from, to] = [new Float32Array(count).fill(1), new Float32Array(count)];
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    to.set(from);
    best = Math.min(best, performance.now() - start);
  }
  return (8 * count) / best / 1e6;
}

async function fastest(times, run) {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < times; i++) {
    const start = performance.now();
    await run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}
