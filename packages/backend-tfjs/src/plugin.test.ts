import { floatTensor, memoryWeights, ProgramBuilder } from '@auto-circuit/core/backend';
import { checkPlugin } from '@auto-circuit/core/plugin';
import { describe, expect, it } from 'vitest';
import plugin from './index.js';
import { tfjs } from './plugin.js';

describe('the plugin', () => {
  it('is one', () => {
    expect(checkPlugin(plugin, 'test').contributes.map((c) => c.name)).toEqual(['tfjs']);
  });
  it('makes a backend with its options', async () => {
    const backend = await tfjs.create({ device: 'cpu' }, { folder: '' });
    const b = new ProgramBuilder('twice');
    b.output('y', b.mul(b.input('x', 'float', [2]), 2));
    const executable = await backend.compile(b.build(), memoryWeights({}));
    expect([...(await executable.run({ x: floatTensor(Float32Array.of(1, 2), [2]) })).y!.data]).toEqual([2, 4]);
    await backend.dispose();
  });
  it('tells doctor of every device, and how to get those that are missing', async () => {
    const lines = await tfjs.probe();
    expect(lines.map((line) => line.what)).toEqual(['gpu', 'node', 'wasm', 'cpu'].map((d) => `tfjs, device ${d}`));
    expect(lines[2]).toMatchObject({ ok: true, detail: '@tensorflow/tfjs-backend-wasm 4.22.0, 1 thread' });
    expect(lines[3]).toMatchObject({ ok: true, detail: '@tensorflow/tfjs-backend-cpu 4.22.0, 1 thread' });
    for (const { ok, detail } of lines) expect(ok || detail.includes('npm install')).toBe(true);
  });
});
