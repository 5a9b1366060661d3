/** @file Backends in worker threads: the built files, since Node.js runs no TypeScript. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { intTensor, memoryWeights, ProgramBuilder } from '@auto-circuit/core/backend';
import type { AutoCircuitError } from '@auto-circuit/core/startup';
import { backendContract, runContract } from '@auto-circuit/core/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { WorkerStart } from './backend-worker-messages.js';

const built = (name: string): string => new URL(`../dist/${name}`, import.meta.url).href;
const MAIN = fileURLToPath(built('main.js'));
const inWorker = async (name: string, options: WorkerStart['options'] = {}, settings: WorkerStart['settings'] = {}) => {
  const { backendInWorker } = (await import(built('backend-worker.js'))) as typeof import('./backend-worker.js');
  return backendInWorker({ origin: ORIGINS[name]!, name, settings, options });
};
const ORIGINS: Readonly<Record<string, string>> = {
  onnx: '@auto-circuit/backend-onnx',
  tfjs: '@auto-circuit/backend-tfjs',
  interpreter: '@auto-circuit/core',
};
const ONNX = { fuse: true, prepack: 'auto', spinning: true };

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'backend-worker-'));
});
afterAll(() => rm(cwd, { recursive: true }));

runContract(
  'onnx in a worker',
  backendContract(() => inWorker('onnx', ONNX, { threads: 1 })),
  { describe, it },
);
runContract(
  'tfjs in a worker',
  backendContract(() => inWorker('tfjs', { folder: '' }, { device: 'wasm' })),
  { describe, it },
);

describe('a backend in a worker', () => {
  it('leaves this thread free while it computes', async () => {
    const b = new ProgramBuilder('long');
    const w = b.weight('w', [300, 300]);
    let x = w;
    for (let i = 0; i < 12; i++) x = b.matmul(x, w);
    b.output('x', x);
    const weights = memoryWeights({ w: { shape: [300, 300], data: new Float32Array(90_000).fill(1 / 300) } });
    const backend = await inWorker('interpreter');
    try {
      const executable = await backend.compile(b.build(), weights);
      const started = performance.now();
      let ticks = 0;
      const timer = setInterval(() => {
        ticks++;
      }, 5);
      await executable.run({});
      clearInterval(timer);
      const took = performance.now() - started;
      expect(took).toBeGreaterThan(200); // long enough to tell
      expect(ticks).toBeGreaterThan(took / 5 / 4);
    } finally {
      await backend.dispose();
    }
  });

  it('tells those who wait when its thread dies, and can be disposed then', async () => {
    const on = vi.spyOn(Worker.prototype, 'on'); // only looks on: which worker it is
    const backend = await inWorker('interpreter');
    const worker = on.mock.contexts.at(-1) as Worker;
    on.mockRestore();
    const b = new ProgramBuilder('long');
    const w = b.weight('w', [300, 300]);
    let x = w;
    for (let i = 0; i < 40; i++) x = b.matmul(x, w);
    b.output('x', x);
    const weights = memoryWeights({ w: { shape: [300, 300], data: new Float32Array(90_000) } });
    const executable = await backend.compile(b.build(), weights);
    const run = executable.run({}).then(
      () => 'done',
      (error: Error) => error.message,
    );
    await sleep(50);
    await worker.terminate();
    expect(await run).toMatch(/cannot be used: its thread ended/);
    await executable.dispose();
    await backend.dispose();
  });

  it('gives errors with their sentence and kind, and ends what waits when it is disposed', async () => {
    const refused = async (work: Promise<unknown>) =>
      work.then(
        () => null,
        (error: unknown) => error,
      );
    const device = (await refused(inWorker('onnx', ONNX, { device: 'abacus' }))) as AutoCircuitError;
    expect([device.name, device.kind]).toEqual(['AutoCircuitError', 'user']);
    expect(device.message).toMatch(/^\[[^\]]+\] .*abacus/);
    expect(device.message.match(/\[/g)!.length).toBe(1);
    const backend = await inWorker('interpreter');
    const b = new ProgramBuilder('one');
    b.output('x', b.input('x', 'int', [1]));
    const executable = await backend.compile(b.build(), memoryWeights({}));
    expect((await executable.run({ x: intTensor([7], [1]) })).x!.data).toEqual(Int32Array.of(7));
    await backend.dispose();
    await backend.dispose();
    const after = (await refused(executable.run({ x: intTensor([7], [1]) }))) as Error;
    expect(after.message).toMatch(/disposed/);
    await executable.dispose();
  });
});

describe('--worker', () => {
  const program = (args: string, onStderr: (text: string, kill: () => void) => void = () => undefined) => {
    const child = spawn(process.execPath, [MAIN, ...args.split(' ')], { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      onStderr(stderr, () => child.kill('SIGINT'));
    });
    return new Promise<{ code: number | null; stderr: string }>((done) =>
      child.on('close', (code) => done({ code, stderr })),
    );
  };

  it('gives the same files', async () => {
    for (const backend of ['onnx', 'tfjs']) {
      const command = `discover --task ioi-mini --algo eap --limit 64 --backend ${backend} --quiet --out`;
      expect(await program(`${command} ${backend}`)).toEqual({ code: 0, stderr: '' });
      expect(await program(`${command} ${backend}-worker --worker`)).toEqual({ code: 0, stderr: '' });
      for (const name of ['run.json', 'scores.safetensors', 'circuit.json', 'measurements.json', 'report.html']) {
        const [here, there] = await Promise.all(
          [backend, `${backend}-worker`].map((folder) => readFile(join(cwd, folder, name))),
        );
        expect(there!.equals(here!), name).toBe(true);
      }
    }
  });

  it.skipIf(process.platform === 'win32')('hears Ctrl-C at once, within a step too', async () => {
    let [killed, heard] = [0, 0];
    const { code, stderr } = await program(
      'discover --task ioi-mini --algo eap --backend interpreter --worker --out stopped',
      (text, kill) => {
        if (text.includes('backend ') && killed === 0) {
          killed = Number.POSITIVE_INFINITY;
          void sleep(700).then(() => {
            killed = performance.now();
            kill();
          });
        }
        if (text.includes('press Ctrl-C again') && heard === 0) heard = performance.now();
      },
    );
    expect(code).toBe(130);
    expect(stderr).toMatch(/interrupted: /);
    expect(heard - killed).toBeGreaterThan(0);
    expect(heard - killed).toBeLessThan(300);
  });
});
