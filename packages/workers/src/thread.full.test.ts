/** @file Backends in worker threads: the built files, since Node.js runs no TypeScript. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { intTensor, memoryWeights, ProgramBuilder } from '@auto-circuit/core/backend';
import type { AutoCircuitError } from '@auto-circuit/core/startup';
import { backendContract, runContract } from '@auto-circuit/core/testing';
import { describe, expect, it, vi } from 'vitest';
import type { WorkerBackend } from './messages.js';

const PLUGINS = {
  onnx: ['backend-onnx/dist/index.js', 'default'],
  tfjs: ['backend-tfjs/dist/index.js', 'default'],
  interpreter: ['core/dist/public/index.js', 'corePlugin'],
} as const;
const inThread = async (
  name: keyof typeof PLUGINS,
  options: WorkerBackend['options'] = {},
  settings: WorkerBackend['settings'] = {},
  exportName: string = PLUGINS[name][1],
) => {
  const built = new URL('../dist/thread.js', import.meta.url).href;
  const { backendInThread } = (await import(built)) as typeof import('./thread.js');
  const module = new URL(`../../${PLUGINS[name][0]}`, import.meta.url).href;
  return backendInThread({ module, exportName, name, settings, options });
};
const ONNX = { fuse: true, prepack: 'auto', spinning: true };

runContract(
  'onnx in a thread',
  backendContract(() => inThread('onnx', ONNX, { threads: 1 })),
  { describe, it },
);
runContract(
  'tfjs in a thread',
  backendContract(() => inThread('tfjs', { folder: '' }, { device: 'wasm' })),
  { describe, it },
);

describe('a backend in a thread', () => {
  it('leaves this thread free while it computes', async () => {
    const b = new ProgramBuilder('long');
    const w = b.weight('w', [300, 300]);
    let x = w;
    for (let i = 0; i < 12; i++) x = b.matmul(x, w);
    b.output('x', x);
    const weights = memoryWeights({ w: { shape: [300, 300], data: new Float32Array(90_000).fill(1 / 300) } });
    const backend = await inThread('interpreter');
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

  it('rejects the runs that wait when its thread dies, and can be disposed after that', async () => {
    const on = vi.spyOn(Worker.prototype, 'on'); // only looks on: which worker it is
    const backend = await inThread('interpreter');
    const worker = on.mock.contexts.at(-1) as Worker;
    on.mockRestore();
    const b = new ProgramBuilder('long');
    const w = b.weight('w', [300, 300]);
    let x = w;
    for (let i = 0; i < 40; i++) x = b.matmul(x, w);
    b.output('x', x);
    const weights = memoryWeights({ w: { shape: [300, 300], data: new Float32Array(90_000) } });
    const executable = await backend.compile(b.build(), weights);
    const run = expect(executable.run({})).rejects.toMatchObject({ code: 'worker-failed', kind: 'internal' });
    await sleep(50);
    await worker.terminate();
    await run;
    await executable.dispose();
    await backend.dispose();
  });

  it('refuses with the error of the backend itself: its code, kind and sentence', async () => {
    const error = await inThread('onnx', ONNX, { device: 'abacus' }).catch((refused: AutoCircuitError) => refused);
    expect(error).toMatchObject({ name: 'AutoCircuitError', kind: 'user', where: 'backend-onnx' });
    expect((error as AutoCircuitError).message).toMatch(/^\[backend-onnx\] [^[]*abacus[^[]*$/);
  });

  it('refuses a module that exports no plugin', async () => {
    const started = inThread('interpreter', {}, {}, 'DEFAULT_GRAPH_OPTIONS');
    await expect(started).rejects.toMatchObject({ name: 'AutoCircuitError', kind: 'user' });
  });

  it('runs nothing after it is disposed, and may be disposed again', async () => {
    const backend = await inThread('interpreter');
    const b = new ProgramBuilder('one');
    b.output('x', b.input('x', 'int', [1]));
    const executable = await backend.compile(b.build(), memoryWeights({}));
    expect((await executable.run({ x: intTensor([7], [1]) })).x!.data).toEqual(Int32Array.of(7));
    await backend.dispose();
    await backend.dispose();
    await expect(executable.run({ x: intTensor([7], [1]) })).rejects.toMatchObject({ code: 'already-disposed' });
    await executable.dispose();
  });
});
