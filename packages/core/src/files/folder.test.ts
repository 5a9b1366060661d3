import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeFolder } from './folder.js';

const root = mkdtempSync(join(tmpdir(), 'folder-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('makeFolder', () => {
  it('makes folders above, and minds none that is there', async () => {
    const path = join(root, 'a', 'b', 'c');
    await makeFolder(path);
    await makeFolder(path);
    expect(statSync(path).isDirectory()).toBe(true);
  });
  it('refuses a path through a file, and a file in its place', async () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    await expect(makeFolder(file)).rejects.toThrow('EEXIST');
    await expect(makeFolder(join(file, 'x'))).rejects.toThrow('ENOTDIR');
  });
  it.runIf(process.platform === 'linux')('says so where the file system takes no folders', async () => {
    await expect(makeFolder('/proc/auto-circuit')).rejects.toMatchObject({
      code: 'file-unwritable',
      fields: { path: '/proc/auto-circuit' },
    });
  });
});
