/** @file Backends in processes: the built files, since Node.js runs no TypeScript. */
import { floatTensor, memoryWeights, ProgramBuilder } from '@auto-circuit/core/backend';
import { backendContract, runContract } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import type { WorkerBackend } from './messages.js';

const ONNX: WorkerBackend = {
  module: new URL('../../backend-onnx/dist/index.js', import.meta.url).href,
  exportName: 'default',
  name: 'onnx',
  settings: { threads: 1, sharedWeights: true },
  options: { fuse: true, prepack: 'auto', spinning: true },
};
const pool = async (workers: number, start = ONNX) => {
  const built = new URL('../dist/pool.js', import.meta.url).href;
  const { backendPool } = (await import(built)) as typeof import('./pool.js');
  return backendPool(start, workers);
};

runContract(
  'onnx in two processes',
  backendContract(() => pool(2)),
  { describe, it },
);

describe('a pool', () => {
  it('gives every run its own result, whichever process computes it, and finishes runs before it is disposed', async () => {
    const backend = await pool(3);
    const b = new ProgramBuilder('twice');
    b.output('y', b.mul(b.input('x', 'float', ['n']), 2));
    const executable = await backend.compile(b.build(), memoryWeights({}));
    const runs = Array.from({ length: 20 }, (_, i) => executable.run({ x: floatTensor(Float32Array.of(i), [1]) }));
    const disposed = executable.dispose();
    expect((await Promise.all(runs)).map(({ y }) => y!.data[0])).toEqual(Array.from({ length: 20 }, (_, i) => 2 * i));
    await disposed;
    await backend.dispose();
  });

  it('tells the memory of all its processes', async () => {
    const backends = [await pool(1), await pool(3)];
    const [one, three] = await Promise.all(backends.map((backend) => backend.processMemory!()));
    expect(one).toBeGreaterThan(30 * 2 ** 20); // Node.js alone
    expect(three! / one!).toBeGreaterThan(2.5); // each is as large as the one, but for what pages are loaded when
    await Promise.all(backends.map((backend) => backend.dispose()));
  });

  it('refuses with the error of the backend itself', async () => {
    const wrong = pool(2, { ...ONNX, settings: { device: 'abacus' } });
    await expect(wrong).rejects.toMatchObject({ name: 'AutoCircuitError', where: 'backend-onnx' });
    await expect(wrong).rejects.toThrow(/abacus/);
  });
});
