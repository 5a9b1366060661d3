/** @file Backends in processes: the built files, since Node.js runs no TypeScript. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { floatTensor, memoryWeights, ProgramBuilder } from '@auto-circuit/core/backend';
import { backendContract, runContract } from '@auto-circuit/core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WorkerStart } from './backend-worker-messages.js';

const built = (name: string): string => new URL(`../dist/${name}`, import.meta.url).href;
const MAIN = fileURLToPath(built('main.js'));
const ONNX: WorkerStart = {
  origin: '@auto-circuit/backend-onnx',
  name: 'onnx',
  settings: { threads: 1, sharedWeights: true },
  options: { fuse: true, prepack: 'auto', spinning: true },
};
const pool = async (workers: number, start = ONNX) => {
  const { backendPool } = (await import(built('backend-pool.js'))) as typeof import('./backend-pool.js');
  return backendPool(start, workers);
};

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'backend-pool-'));
});
afterAll(() => rm(cwd, { recursive: true }));

runContract(
  'onnx in two processes',
  backendContract(() => pool(2)),
  { describe, it },
);

describe('a pool', () => {
  it('gives each its own result, whoever computes it, and finishes what was asked before it is let go', async () => {
    const backend = await pool(3);
    const b = new ProgramBuilder('twice');
    b.output('y', b.mul(b.input('x', 'float', ['n']), 2));
    const executable = await backend.compile(b.build(), memoryWeights({}));
    const runs = Array.from({ length: 20 }, (_, i) => executable.run({ x: floatTensor(Float32Array.of(i), [1]) }));
    const gone = executable.dispose();
    expect((await Promise.all(runs)).map(({ y }) => y!.data[0])).toEqual(Array.from({ length: 20 }, (_, i) => 2 * i));
    await gone;
    await backend.dispose();
  });

  it('says what is wrong in the words of the backend', async () => {
    const wrong = pool(2, { ...ONNX, settings: { device: 'abacus' } });
    await expect(wrong).rejects.toThrow(/^\[backend-onnx\] unknown device: .*abacus/);
  });
});

describe('--workers', () => {
  const discover = (workers: number, folder: string, more: readonly string[]) => {
    const shares = ['--workers', `${workers}`, '--threads', `${workers}`];
    const args = ['discover', '--task', 'ioi-mini', '--limit', '160', '--quiet', '--out', folder, ...shares, ...more];
    const { status, stderr } = spawnSync(process.execPath, [MAIN, ...args], { cwd, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  };

  it.each([
    ['eap', ['--algo', 'eap']],
    ['learned-masks', ['--algo', 'subnetwork-probing', '--algo.epochs', '3', '--edges', '20,100', '--keep', '100']],
    ['batch-mean', ['--algo', 'eap-ig-inputs', '--ablation', 'batch-mean', '--edges', '20,100', '--keep', '100']],
  ] as const)('gives the same bytes with 1, 2 and 3 processes of one thread: %s', async (name, more) => {
    for (const workers of [1, 2, 3]) discover(workers, `${name}-${workers}`, more);
    for (const file of ['run.json', 'scores.safetensors', 'circuit.json', 'measurements.json', 'report.html']) {
      const [one, ...others] = await Promise.all([1, 2, 3].map((n) => readFile(join(cwd, `${name}-${n}`, file))));
      for (const other of others) expect(other.equals(one!), file).toBe(true);
    }
  });
});
