import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { finishedPart, RunReader, readRun } from './run-reader.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'run-reader-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('readRun', () => {
  it('run.json that is absent, torn or of another kind is one sentence', async () => {
    await expect(readRun(folder)).rejects.toMatchObject({ code: 'not-a-run', fields: { path: folder } });
    await writeFile(join(folder, 'run.json'), '{"format": "auto-circuit r');
    await expect(readRun(folder)).rejects.toMatchObject({ code: 'invalid-json' });
    await writeFile(join(folder, 'run.json'), '{"format": "auto-circuit run 9"}');
    await expect(readRun(folder)).rejects.toMatchObject({ code: 'invalid-file', fields: { key: 'format' } });
  });
});

describe('RunReader', () => {
  it('finds nothing in an empty folder, which is no error', async () => {
    const reader = new RunReader(folder);
    expect(await reader.measurements()).toBeNull();
    expect(await reader.timings()).toBeNull();
    expect(await reader.verifications()).toEqual([]);
  });

  it('refuses files that are not of their form, by name and key', async () => {
    const path = join(folder, 'measurements.json');
    await writeFile(path, '[{"metric": 1}]');
    await expect(new RunReader(folder).measurements()).rejects.toMatchObject({
      code: 'invalid-file',
      fields: { path, key: '[0].metric' },
    });
  });
});

it('finishedPart gives what is there, and says which run is not finished', () => {
  expect(finishedPart(3, folder)).toBe(3);
  expect(errorOf(() => finishedPart(null, folder))).toMatchObject({ code: 'run-unfinished', fields: { path: folder } });
});
