/** @file Quantised checkpoints: numbers multiplied out by hand, and every kind that is not read refused by its name. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openSafetensors, writeSafetensors } from '@auto-circuit/core/run';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorWith } from '../testing/error-matcher.js';
import { openCheckpoint } from './hf-folder.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quantised-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

type Source = Parameters<typeof writeSafetensors>[1] extends Iterable<infer S> ? S : never;
const tensor = (name: string, dtype: Source['dtype'], shape: readonly number[], data: ArrayBufferView): Source => ({
  ...{ name, dtype, shape, data },
});
async function checkpoint(quantization_config: unknown, tensors: readonly Source[], more: object = {}) {
  const config = { model_type: 'llama', ...more, ...(quantization_config ? { quantization_config } : {}) };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  await writeSafetensors(join(folder, 'model.safetensors'), tensors);
  return openCheckpoint(folder);
}
const refusal = (method: string): unknown => errorWith('unsupported-model', { key: 'quantization_config', method });

/** [2, 3] */
const INTS = tensor('a.weight', 'I8', [2, 3], Int8Array.of(127, -127, 0, 1, 2, -3));

describe('8-bit weights are multiplied out', () => {
  it('of bitsandbytes: weight · SCB / 127, in a checkpoint that it wrote', () => {
    const path = fileURLToPath(new URL('../../test-data/checkpoints/bitsandbytes-int8', import.meta.url));
    const raw = openCheckpoint(path);
    const name = 'model.layers.1.mlp.down_proj';
    const file = openSafetensors(join(path, 'model.safetensors'));
    const [ints, scales] = [file.read(`${name}.weight`), file.read(`${name}.SCB`)];
    const row = 5;
    const at = row * 56 + 17; // [32, 56]
    expect(ints[at]).not.toBe(0);
    expect(raw.read(`${name}.weight`, [32, 56])[at]).toBe(Math.fround((ints[at]! * scales[row]!) / 127));
    expect(raw.read('lm_head.weight')).toEqual(file.read('lm_head.weight'));
    expect(raw.names.filter((own) => /SCB|weight_format/.test(own))).toEqual([]);
    expect(raw.notes).toEqual([expect.stringMatching(/are quantised \(bitsandbytes int8\)/)]);
  });

  it('of bitsandbytes without quant_method, as older versions wrote it', async () => {
    const scales = tensor('a.SCB', 'F32', [2], Float32Array.of(12.7, 1.27));
    const raw = await checkpoint({ load_in_8bit: true }, [INTS, scales]);
    expect([...raw.read('a.weight')]).toEqual([12.7, -12.7, 0, 0.01, 0.02, -0.03].map(Math.fround));
  });

  const ints = {
    quant_method: 'compressed-tensors',
    config_groups: { group_0: { weights: { num_bits: 8, type: 'int' } } },
  };

  it('of compressed-tensors: a scale for each row, for all, or for groups with zero points', async () => {
    const read = async (shape: readonly number[], scales: readonly number[], zeros?: readonly number[]) => {
      const extra = zeros ? [tensor('a.weight_zero_point', 'I8', shape, Int8Array.from(zeros))] : [];
      const scale = tensor('a.weight_scale', 'F32', shape, Float32Array.from(scales));
      const raw = await checkpoint({ ...ints, format: 'int-quantized' }, [INTS, scale, ...extra]);
      return [...raw.read('a.weight', [2, 3])];
    };
    expect(await read([2, 1], [0.5, 2])).toEqual([63.5, -63.5, 0, 2, 4, -6]);
    expect(await read([1], [0.5])).toEqual([63.5, -63.5, 0, 0.5, 1, -1.5]);
    expect(await read([], [0.5])).toEqual([63.5, -63.5, 0, 0.5, 1, -1.5]);
    expect(await read([2, 3], [1, 2, 3, 4, 5, 6], [1, 0, -1, 0, 1, 0])).toEqual([126, -254, 3, 4, 5, -18]);
    await expect(read([3], [1, 2, 3])).rejects.toThrow(
      errorWith('wrong-tensor', { tensor: 'a.weight_scale', shape: [3], weight: 'a.weight' }),
    );
  });

  // E4M3: 0x38 is 1, 0x40 is 2, 0xb8 is −1
  const BYTES = [0x38, 0x40, 0xb8];

  it('of fp8: blocks whose last row and column are cut, or one scale', async () => {
    const weight = tensor(
      'a.weight',
      'F8_E4M3',
      [3, 5],
      Uint8Array.from({ length: 15 }, (_, i) => BYTES[i % 3]!),
    );
    const blocks = tensor('a.weight_scale_inv', 'F32', [2, 3], Float32Array.of(1, 10, 100, 1000, 1e4, 1e5));
    const raw = await checkpoint({ quant_method: 'fp8', weight_block_size: [2, 2] }, [weight, blocks]);
    expect([...raw.read('a.weight')]).toEqual([
      ...[1, 2, -10, 10, 200],
      ...[-1, 1, 20, -10, 100],
      ...[2000, -1000, 1e4, 2e4, -1e5],
    ]);
    const one = tensor('a.weight_scale', 'BF16', [], Uint16Array.of(0x3f00)); // 0.5
    const whole = await checkpoint({ quant_method: 'fp8' }, [weight, one]);
    expect([...whole.read('a.weight').slice(0, 3)]).toEqual([0.5, 1, -0.5]);
  });

  it('of compressed-tensors in fp8; without a quantization_config 8-bit floats are numbers like others', async () => {
    const weight = tensor('a.weight', 'F8_E4M3', [3], Uint8Array.from(BYTES));
    const float = { ...ints, config_groups: { g: { weights: { num_bits: 8, type: 'float' } } } };
    const scale = tensor('a.weight_scale', 'F32', [1], Float32Array.of(3));
    expect([...(await checkpoint(float, [weight, scale])).read('a.weight')]).toEqual([3, 6, -3]);
    expect([...(await checkpoint(null, [weight])).read('a.weight')]).toEqual([1, 2, -1]);
    await expect(checkpoint(null, [weight, scale])).rejects.toThrow(
      errorWith('unsupported-model', { key: 'quantization_config', tensor: 'a.weight', dtype: 'F8_E4M3' }),
    );
  });
});

describe('MXFP4', () => {
  const MX = { quant_method: 'mxfp4', modules_to_not_convert: ['lm_head'] };
  // the numbers 0 to 15 and the same again, in two halves of a byte each
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => ((2 * i) % 16) | (((2 * i + 1) % 16) << 4));
  const numbers = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6];
  const [both, half] = [[...numbers, ...numbers], numbers.map((x) => x / 2)];
  const blocks = tensor('mlp.experts.down_proj_blocks', 'U8', [1, 1, 2, 16], Uint8Array.from([...bytes, ...bytes]));
  const scales = (shape: readonly number[], ...exponents: number[]) =>
    tensor('mlp.experts.down_proj_scales', 'U8', shape, Uint8Array.from(exponents));

  it('is multiplied out, the lower half of a byte first, a scale for each block', async () => {
    const raw = await checkpoint(MX, [blocks, scales([1, 1, 2], 127, 126)]);
    expect([...raw.read('mlp.experts.down_proj_blocks', [1, 1, 64])]).toEqual([...both, ...half, ...half]);
    expect(raw.names).toEqual(['mlp.experts.down_proj_blocks']);
    expect(raw.tensor('mlp.experts.down_proj_blocks').shape).toEqual([1, 1, 64]);
    expect(raw.notes).toEqual([expect.stringMatching(/are quantised \(MXFP4\)/)]);
  });

  it('refuses scales that do not fit, or are none, and blocks that no config explains', async () => {
    const read = async (...tensors: Source[]) => (await checkpoint(MX, tensors)).read('mlp.experts.down_proj_blocks');
    const wrong = errorWith('wrong-tensor', { tensor: 'mlp.experts.down_proj_blocks' });
    await expect(read(blocks, scales([1, 2], 127, 127))).rejects.toThrow(wrong);
    await expect(read(blocks)).rejects.toThrow(wrong);
    await expect(read(blocks, scales([1, 1, 2], 127, 255))).rejects.toThrow(errorWith('not-finite', {}));
    await expect(checkpoint(null, [blocks])).rejects.toThrow(refusal('packed weights'));
    await expect(checkpoint(MX, [scales([2], 1, 1)])).rejects.toThrow(refusal('packed weights'));
  });
});

describe('what is not multiplied out is refused by its name', () => {
  const floats = tensor('a.weight', 'F32', [1], Float32Array.of(1));
  const methods = ['gptq', 'awq', 'mxfp6', 'hqq', 'torchao', 'quanto', 'aqlm', 'fbgemm_fp8', 'constructor', 'modelopt'];
  it.each(methods)('%s', async (quant_method) => {
    await expect(checkpoint({ quant_method, bits: 4 }, [floats])).rejects.toThrow(refusal(quant_method));
  });

  it('4 bits of bitsandbytes, packed or sparse compressed-tensors, GPT-2 of bitsandbytes, another fp8', async () => {
    const refused = (config: unknown, method: string, more = {}) =>
      expect(checkpoint(config, [floats], more)).rejects.toThrow(refusal(method));
    await refused({ quant_method: 'bitsandbytes', load_in_4bit: true }, 'bitsandbytes');
    await refused({ load_in_4bit: true }, 'bitsandbytes');
    await refused({ quant_method: 'bitsandbytes', load_in_8bit: true }, 'bitsandbytes', { model_type: 'gpt2' });
    const own = { quant_method: 'compressed-tensors' };
    await refused({ ...own, format: 'pack-quantized' }, 'compressed-tensors');
    await refused({ ...own, config_groups: { a: { weights: { num_bits: 4, type: 'int' } } } }, 'compressed-tensors');
    await refused({ ...own, sparsity_config: { format: 'sparse-24-bitmask' } }, 'compressed-tensors');
    await refused({ ...own, transform_config: { config_groups: {} } }, 'compressed-tensors');
    await refused({ quant_method: 'fp8', fmt: 'e5m2' }, 'fp8');
    await refused({ bits: 3 }, 'unnamed');
    expect(() => openCheckpoint(folder)).toThrow(/is quantised \(unnamed, 3 bits\)/);
  });

  it('packed tensors and integers, also where config.json says nothing', async () => {
    const packed = tensor('q_proj.qweight', 'I32', [1], Int32Array.of(7));
    await expect(checkpoint(null, [floats, packed])).rejects.toThrow(refusal('packed weights'));
    await expect(checkpoint(null, [INTS])).rejects.toThrow(
      errorWith('unsupported-model', { key: 'quantization_config', tensor: 'a.weight', dtype: 'I8' }),
    );
    // int8 without its scale, in a checkpoint that has scales for others
    const config = { quant_method: 'bitsandbytes', load_in_8bit: true };
    await expect(checkpoint(config, [INTS])).rejects.toThrow(
      /holds I8 where weights are expected: expected floats, or I8 with .SCB/,
    );
    // a mask that nobody reads does no harm; read as a weight it is refused
    const mask = tensor('attn.bias', 'BOOL', [1], Uint8Array.of(1));
    const raw = await checkpoint(null, [floats, mask]);
    expect(() => raw.read('attn.bias')).toThrow(
      errorWith('unsupported-model', { key: 'quantization_config', tensor: 'attn.bias', dtype: 'BOOL' }),
    );
  });

  it('a quantization_config that is no object', async () => {
    await expect(checkpoint('int8', [floats])).rejects.toThrow(/quantization_config is wrong/);
  });
});
