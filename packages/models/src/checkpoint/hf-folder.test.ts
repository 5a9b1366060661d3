/** @file Model folders: shards, formats of numbers, and what is missing or wrong with them. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openSafetensors, safetensorsSource, writeSafetensors } from '@auto-circuit/core/run';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorWith } from '../testing/error-matcher.js';
import { openCheckpoint, weightFiles } from './hf-folder.js';

const model = fileURLToPath(new URL('../../test-data/attnonly_2l3h', import.meta.url));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hf-folder-'));
  copyFileSync(join(model, 'config.json'), join(folder, 'config.json'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const writeIndex = (map: Record<string, string>) =>
  writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: map }));

describe('openCheckpoint', () => {
  it('reads config and tensors by name, where they lie', () => {
    const checkpoint = openCheckpoint(model);
    expect(checkpoint.config.model_type).toBe('gpt2');
    const raw = openSafetensors(join(model, 'model.safetensors'));
    const name = 'transformer.h.1.attn.c_proj.weight';
    expect(checkpoint.read(name, [24, 24])).toEqual(raw.read(name));
    const { byteOffset } = raw.tensors.get(name)!;
    expect(checkpoint.tensor(name)).toEqual({ shape: [24, 24], dtype: 'F32', file: raw.path, byteOffset });
  });

  it('finds tensors in the shards that the index names', async () => {
    await writeSafetensors(join(folder, 'a.safetensors'), [safetensorsSource('x', [2], Float32Array.of(1, 2))]);
    await writeSafetensors(join(folder, 'b.safetensors'), [safetensorsSource('y', [1], Float64Array.of(0.1))]);
    writeIndex({ x: 'a.safetensors', y: 'b.safetensors' });
    const checkpoint = openCheckpoint(folder);
    expect(checkpoint.names).toEqual(['x', 'y']);
    expect([...checkpoint.read('x')]).toEqual([1, 2]);
    expect(checkpoint.read('y')).toEqual(Float32Array.of(0.1));
    expect(checkpoint.tensor('y').file).toBe(join(folder, 'b.safetensors'));
  });

  it('lists missing shards, and refuses shards elsewhere or a tensor in two', async () => {
    await writeSafetensors(join(folder, 'a.safetensors'), [safetensorsSource('x', [1], Float32Array.of(1))]);
    writeIndex({ x: 'a.safetensors', y: 'b.safetensors', z: 'c.safetensors' });
    expect(() => openCheckpoint(folder)).toThrow(
      errorWith('file-not-found', { path: folder, files: ['b.safetensors', 'c.safetensors'] }),
    );
    writeIndex({ x: '../../etc/passwd' });
    expect(() => openCheckpoint(folder)).toThrow(
      /names a weight file outside its folder: .*got \.\.\/\.\.\/etc\/passwd/,
    );
    copyFileSync(join(folder, 'a.safetensors'), join(folder, 'b.safetensors'));
    writeIndex({ x: 'a.safetensors', y: 'b.safetensors' });
    expect(() => openCheckpoint(folder)).toThrow(errorWith('invalid-file', { path: folder, key: 'x' }));
  });

  it('refuses files and tensors that are missing or wrong', async () => {
    expect(() => openCheckpoint(join(folder, 'no'))).toThrow(/cannot read .*config.json: no such file or folder/);
    expect(() => openCheckpoint(folder)).toThrow(errorWith('file-not-found', { path: folder }));
    writeFileSync(join(folder, 'pytorch_model.bin'), '');
    expect(() => weightFiles(folder)).toThrow(
      errorWith('unsupported-format', { path: folder, files: ['pytorch_model.bin'] }),
    );
    const path = join(folder, 'model.safetensors');
    const bad = Float32Array.of(1, Number.NaN, Number.NEGATIVE_INFINITY);
    await writeSafetensors(path, [safetensorsSource('w', [3], bad), safetensorsSource('i', [1], bad.slice(2))]);
    const checkpoint = openCheckpoint(folder);
    expect(() => checkpoint.read('w', [1, 3])).toThrow(
      errorWith('wrong-tensor', { tensor: 'w', shape: [3], expectedShape: [1, 3] }),
    );
    expect(() => checkpoint.read('w')).toThrow(errorWith('not-finite', { tensor: 'w', index: 1 }));
    expect(() => checkpoint.read('i')).toThrow(errorWith('not-finite', { tensor: 'i', index: 0 }));
    expect(() => checkpoint.read('v')).toThrow(errorWith('missing-tensor', { tensor: 'v', nearest: ['w', 'i'] }));
    for (const [text, sentence] of [
      ['{', /config.json is not a JSON file/],
      ['[]', /config.json: the top level is wrong: expected object/],
      ['{}', /config.json: model_type is wrong/],
    ] as const) {
      writeFileSync(join(folder, 'config.json'), text);
      expect(() => openCheckpoint(folder)).toThrow(sentence);
    }
  });
});
