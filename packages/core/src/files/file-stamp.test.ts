/** @file Whether a file is still what it was, whatever a program does to its times. */
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { fileStamp, unchangedSince } from './file-stamp.js';
import { openSafetensors } from './safetensors.js';
import { safetensorsSource, writeSafetensors } from './safetensors-write.js';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stamp-'));
  path = join(folder, 'a');
  await writeSafetensors(path, [safetensorsSource('x', [2], Float32Array.of(1, 2))]);
  await sleep(TICK_MS);
});
/** Clocks of file systems tick in some milliseconds. */
const TICK_MS = 20;
afterEach(() => rmSync(folder, { recursive: true }));

const changes: Record<string, () => void> = {
  'written over': () => writeFileSync(path, readFileSync(path)),
  'written over, its time set back': () => {
    const { atime, mtime } = statSync(path);
    writeFileSync(path, readFileSync(path).fill(7, 100));
    utimesSync(path, atime, mtime);
  },
  replaced: () => {
    copyFileSync(path, join(folder, 'b'));
    renameSync(join(folder, 'b'), path);
  },
  'given other rights': () => chmodSync(path, 0o600),
};

describe('a file', () => {
  it.each(Object.entries(changes))('%s has another stamp, and no tensor is read of it', (_, change) => {
    const file = openSafetensors(path);
    const check = unchangedSince('here', [path], 'it was in use');
    check();
    expect([...(file.read('x') as Float32Array)]).toEqual([1, 2]);
    const before = fileStamp(path);
    change();
    expect(fileStamp(path)).not.toBe(before);
    const error = { code: 'file-changed', fields: { path } };
    expect(errorOf(check)).toMatchObject({ ...error, where: 'here' });
    expect(errorOf(() => file.read('x'))).toMatchObject({ ...error, where: 'safetensors' });
  });

  it('that is only read keeps its stamp; one that is gone is said to be', () => {
    const before = fileStamp(path);
    readFileSync(path);
    expect(fileStamp(path)).toBe(before);
    rmSync(path);
    expect(errorOf(() => fileStamp(path))).toMatchObject({ code: 'file-not-found', fields: { path } });
  });
});
