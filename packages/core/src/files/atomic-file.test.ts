import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceFileAtomic, writeFileAtomic } from './atomic-file.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atomic-file-'));
});
afterEach(() => rm(folder, { recursive: true }));

const systemError = (code: string) => Object.assign(new Error(`${code}: of the system`), { code });

describe('writeFileAtomic', () => {
  it('writes text and bytes, replaces, and leaves nothing else in the folder', async () => {
    const path = join(folder, 'a.json');
    await writeFileAtomic(path, 'ä1');
    await writeFileAtomic(path, new Uint8Array([1, 2, 3]).subarray(1));
    expect([...(await readFile(path))]).toEqual([2, 3]);
    expect(await readdir(folder)).toEqual(['a.json']);
  });

  it('leaves the old file whole and no temporary one when the disk fills half way', async () => {
    const path = join(folder, 'a.bin');
    await writeFile(path, 'old');
    const filling = replaceFileAtomic(path, async (append) => {
      await append(new Uint8Array(1000));
      throw systemError('ENOSPC');
    });
    await expect(filling).rejects.toThrow(`[files] cannot write ${path}: the disk is full; free some space`);
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['a.bin']);
  });

  it('says in one sentence that a folder is missing, is a file, or that the target is a folder', async () => {
    await writeFile(join(folder, 'file'), '');
    await mkdir(join(folder, 'sub'));
    await expect(writeFileAtomic(join(folder, 'no', 'a'), '')).rejects.toThrow(
      /no such file or folder; check the path$/,
    );
    await expect(writeFileAtomic(join(folder, 'file', 'a'), '')).rejects.toMatchObject({
      code: 'file-unwritable',
      fields: { errno: 'ENOTDIR' },
    });
    await expect(writeFileAtomic(join(folder, 'sub'), '')).rejects.toMatchObject({
      code: 'file-unwritable',
      fields: { errno: 'EISDIR' },
    });
    expect((await readdir(folder)).sort()).toEqual(['file', 'sub']);
  });

  it('writers at the same time leave one whole file', async () => {
    const path = join(folder, 'a');
    const contents = Array.from({ length: 8 }, (_, i) => String(i).repeat(100_000));
    await Promise.all(contents.map((text) => writeFileAtomic(path, text)));
    expect(contents).toContain(await readFile(path, 'utf8'));
    expect(await readdir(folder)).toEqual(['a']);
  });
});
