import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { safetensorsSource, writeSafetensors } from '../files/safetensors-write.js';
import { fileCheckpoint } from './checkpoint-file.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'checkpoint-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('a checkpoint in a file', () => {
  it('checkpoints come back exactly; saves in quick succession are left out, but the final one never', async () => {
    const path = join(folder, 'algorithm.safetensors');
    let seconds = 0;
    const checkpoint = fileCheckpoint(path, () => seconds);
    expect(await checkpoint.load()).toBeNull();
    const data = { state: { epoch: 3, names: ['a'] }, arrays: { theta: Float64Array.of(0.1, Math.PI, -0) } };
    await checkpoint.save(data);
    expect(await checkpoint.load()).toEqual(data);
    seconds = 0.4;
    await checkpoint.save({ state: { epoch: 4 }, arrays: {} });
    expect((await checkpoint.load())!.state.epoch).toBe(3);
    seconds = 0.6;
    await checkpoint.save({ state: { epoch: 5 }, arrays: {} });
    expect((await checkpoint.load())!.state.epoch).toBe(5);
    seconds = 0.7;
    await checkpoint.save({ state: { epoch: 6 }, arrays: {} }, { final: true }); // a result, not only a place to go on from
    expect((await checkpoint.load())!.state.epoch).toBe(6);
  });

  it('that lacks its state, or holds other numbers than float64, is refused', async () => {
    const path = join(folder, 'algorithm.safetensors');
    const broken = { code: 'wrong-checkpoint', fields: { path } };
    const theta = (data: Float32Array | Float64Array) => [safetensorsSource('theta', [1], data)];
    await writeSafetensors(path, theta(Float64Array.of(1)), {});
    await expect(fileCheckpoint(path).load()).rejects.toMatchObject(broken);
    await writeSafetensors(path, theta(Float32Array.of(1)), { state: '{}' });
    await expect(fileCheckpoint(path).load()).rejects.toMatchObject(broken);
  });
});
