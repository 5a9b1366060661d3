import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readWhole, readWholeText } from './read-whole.js';

const root = mkdtempSync(join(tmpdir(), 'read-whole-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('readWhole', () => {
  it('reads files, and gives the system’s errors', async () => {
    const path = join(root, 'a');
    writeFileSync(path, 'ä\n');
    expect(await readWholeText(path)).toBe('ä\n');
    expect(await readWhole(path)).toEqual(Buffer.from('ä\n'));
    await expect(readWhole(root)).rejects.toMatchObject({ code: 'EISDIR' });
    await expect(readWhole(join(root, 'b'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.skipIf(process.platform === 'win32')('reads a pipe to its end, and no device for ever', async () => {
    const pipe = join(root, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const writer = spawn('sh', ['-c', `printf 'one\\ntwo' > "$0"`, pipe]);
    const ended = once(writer, 'exit');
    expect(await readWholeText(pipe)).toBe('one\ntwo');
    await ended;
    await expect(readWhole('/dev/zero')).rejects.toMatchObject({
      code: 'file-unreadable',
      fields: { path: '/dev/zero' },
    });
  });
});
