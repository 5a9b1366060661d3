import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
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
    const checkpoint = fileCheckpoint(path, { now: () => seconds });
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

  it('without a checksum it is refused, but for constants of an early version', async () => {
    const path = join(folder, 'constants.safetensors');
    await writeSafetensors(path, [], { state: '{"steps": 3}' });
    await expect(fileCheckpoint(path).load()).rejects.toMatchObject({ code: 'wrong-checkpoint', fields: { path } });
    expect(await fileCheckpoint(path, { unsealed: true }).load()).toEqual({ state: { steps: 3 }, arrays: {} });
  });

  it('any byte that is changed, and any end that is cut off, is noticed', async () => {
    const path = join(folder, 'algorithm.safetensors');
    const data = { state: { epoch: 3 }, arrays: { theta: Float64Array.of(0.1, 2), b: Float64Array.of(3) } };
    await fileCheckpoint(path).save(data);
    const whole = await readFile(path);
    const headerEnd = 8 + Number(whole.readBigUInt64LE(0));
    const text = whole.subarray(0, headerEnd).toString('latin1').trimEnd().length;
    for (let i = 0; i < whole.length; i++) {
      if (i >= text && i < headerEnd) continue; // padding
      const spoilt = Buffer.from(whole);
      spoilt[i]! ^= 1 << (i % 8);
      await writeFile(path, spoilt);
      const loaded = await fileCheckpoint(path)
        .load()
        .catch((error) => error.code);
      expect(loaded, `byte ${i}`).toBe('wrong-checkpoint');
      await writeFile(path, whole.subarray(0, i));
      await expect(fileCheckpoint(path).load(), `cut at ${i}`).rejects.toMatchObject({ code: 'wrong-checkpoint' });
    }
  });

  it('that is damaged gives way to the one before it, with a warning; without that it is refused', async () => {
    const path = join(folder, 'algorithm.safetensors');
    const previous = join(folder, 'partial', 'algorithm.previous.safetensors');
    await mkdir(join(folder, 'partial'));
    const lines: string[] = [];
    const checkpoint = fileCheckpoint(path, { previous, onWarning: (line) => lines.push(line) });
    const data = (epoch: number) => ({ state: { epoch }, arrays: { a: Float64Array.of(epoch) } });
    for (const epoch of [1, 2, 3]) await checkpoint.save(data(epoch), { final: true });
    expect(await checkpoint.load()).toEqual(data(3));
    await writeFile(path, 'x');
    expect(await checkpoint.load()).toEqual(data(2));
    expect(lines).toEqual([
      expect.stringMatching(/algorithm\.safetensors is damaged: .*; the work goes on from the one/),
    ]);
    await rename(previous, path); // killed between the two renames of a save
    expect(await checkpoint.load()).toEqual(data(2));
    await rename(path, previous);
    expect(await checkpoint.load()).toEqual(data(2));
    await writeFile(path, 'x');
    await writeFile(previous, 'y');
    await expect(checkpoint.load()).rejects.toMatchObject({ code: 'wrong-checkpoint', fields: { path: previous } });
  });
});
