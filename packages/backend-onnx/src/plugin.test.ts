import { checkPlugin, floatTensor } from '@auto-circuit/core/plugin';
import { describe, expect, it } from 'vitest';
import plugin from './index.js';
import { onnx } from './plugin.js';
import { NO_WEIGHTS, program } from './testing/programs.js';

describe('the plugin', () => {
  it('is one', () => {
    expect(checkPlugin(plugin, 'test').contributes.map((c) => c.name)).toEqual(['onnx']);
  });
  it('makes a backend with its options', async () => {
    const backend = await onnx.create({ threads: 1 }, { fuse: false, prepack: 'off', spinning: false });
    const executable = await backend.compile(
      program((b) => b.output('y', b.mul(b.input('x', 'float', [2]), 2))),
      NO_WEIGHTS,
    );
    expect([...(await executable.run({ x: floatTensor(Float32Array.of(1, 2), [2]) })).y!.data]).toEqual([2, 4]);
    await backend.dispose();
  });
  it('tells doctor of every device the runtime knows', async () => {
    const lines = await onnx.probe();
    expect(lines[0]).toEqual({ what: 'onnxruntime', ok: true, detail: '1.30.0 of onnxruntime-node' });
    expect(lines[1]).toMatchObject({ what: 'onnx, device cpu', ok: true });
    for (const line of lines) expect(line.detail).not.toBe('');
  });
});
