/** @file The caches: what is listed of real conversions and of the hub's layout, and that nothing is cleared that a process uses. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lockFolder } from '@auto-circuit/core/run';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isInUse, markInUse } from '../checkpoint/in-use.js';
import { loadWeights } from '../checkpoint/weight-cache.js';
import { gpt2Recipe } from '../recipes/gpt2.js';
import { clearCache } from './clear-cache.js';
import { isNamed, listCache } from './list-cache.js';

const model = fileURLToPath(new URL('../../test-data/attnonly_2l3h', import.meta.url));
const NO_PROCESS = 2 ** 22 + 1; // above the largest process id

let root: string;
let cacheDir: string;
let hubDir: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cache-'));
  cacheDir = join(root, 'own');
  hubDir = join(root, 'hub');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const list = () => listCache({ cacheDirs: [cacheDir], hubDir });
const load = (folder = model) =>
  loadWeights(folder, gpt2Recipe, 'all', { cacheDir, memoryLimitBytes: 0, onWarning: () => undefined });
/** The weight file that `load` made, as of a process that has ended: its marks are this one's, and go. */
async function converted(): Promise<string> {
  await load();
  rmSync(join(cacheDir, 'in-use'), { recursive: true });
  return join(cacheDir, 'weights', readdirSync(join(cacheDir, 'weights'))[0]!);
}

function hubModel(name: string, bytes: number): string {
  const folder = join(hubDir, `models--${name.replace('/', '--')}`);
  mkdirSync(join(folder, 'blobs'), { recursive: true });
  writeFileSync(join(folder, 'blobs', 'abc'), Buffer.alloc(bytes));
  mkdirSync(join(folder, 'snapshots', 'c0'), { recursive: true });
  symlinkSync('../../blobs/abc', join(folder, 'snapshots', 'c0', 'model.safetensors'));
  return folder;
}

/** Marks an entry as another process does, which lives until it is killed. */
async function usedBy(pid: number, name: string): Promise<void> {
  const folder = join(cacheDir, 'in-use', name, `${pid}-0000`);
  mkdirSync(folder, { recursive: true });
  const lock = await lockFolder(folder);
  const own = JSON.parse(readFileSync(join(folder, '.lock'), 'utf8'));
  await lock.release();
  writeFileSync(join(folder, '.lock'), JSON.stringify({ ...own, pid, started: null }));
}

describe('listCache', () => {
  it('gives what was converted, under the model it was made from, and nothing of folders that are not there', async () => {
    expect(await list()).toEqual([]);
    const path = await converted();
    const old = new Date('2026-01-02T03:04:05Z');
    const note = join(cacheDir, 'checks', basename(path).replace('.safetensors', '.json'));
    utimesSync(note, old, old);
    const [entry, ...others] = await list();
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ kind: 'weights', name: model, path, bytes: statSync(path).size, inUse: false });
    expect(entry!.lastUsed).toBe(old.toISOString());
    await load(); // from the file: its last use is now
    expect(Date.now() - Date.parse((await list())[0]!.lastUsed)).toBeLessThan(60_000);
  });

  it('counts a blob of the hub once, whatever links to it, and names models as the hub does', async () => {
    const folder = hubModel('org/small', 1000);
    hubModel('gpt2', 5);
    const entries = await list();
    expect(entries.map(({ kind, name, bytes }) => [kind, name, bytes])).toEqual([
      ['hub', 'org/small', 1000],
      ['hub', 'gpt2', 5],
    ]);
    expect([
      entries[0]!.path,
      isNamed(entries[0]!, 'org/small'),
      isNamed(entries[0]!, 'small'),
      isNamed(entries[0]!, 'org'),
    ]).toEqual([folder, true, true, false]);
  });

  it('what an interrupted conversion left is listed, and in use while its process lives', async () => {
    mkdirSync(join(cacheDir, 'weights'), { recursive: true });
    const left = (pid: number) => join(cacheDir, 'weights', `.${'a'.repeat(64)}.safetensors.${pid}.0f.tmp`);
    for (const pid of [NO_PROCESS, process.pid]) writeFileSync(left(pid), 'abc');
    expect((await list()).map(({ kind, inUse }) => `${kind} ${inUse}`).sort()).toEqual([
      'unfinished false',
      'unfinished true',
    ]);
    expect((await clearCache(await list())).map(({ path }) => path)).toEqual([left(NO_PROCESS)]);
    expect(readdirSync(join(cacheDir, 'weights'))).toHaveLength(1);
  });
});

describe('clearCache', () => {
  it('removes the file, its notes and the hashes of files that are gone; the next load converts again', async () => {
    const path = await converted();
    writeFileSync(join(cacheDir, 'hashes', 'gone.json'), JSON.stringify({ path: join(root, 'nothing') }));
    const hashes = readdirSync(join(cacheDir, 'hashes')).length;
    expect((await clearCache(await list())).map((entry) => entry.path)).toEqual([path]);
    expect([existsSync(path), readdirSync(join(cacheDir, 'unused')), readdirSync(join(cacheDir, 'weights'))]).toEqual([
      false,
      [],
      [],
    ]);
    expect(readdirSync(join(cacheDir, 'hashes'))).toHaveLength(hashes - 1);
    await load();
    expect(existsSync(path)).toBe(true);
  });

  it('leaves what this process uses, as a run does from the moment it opens the file', async () => {
    const path = await converted();
    const found = await list();
    await markInUse(cacheDir, found[0]!.mark.name.slice(1)); // of another entry: no reason to keep this one
    expect(found[0]!.inUse).toBe(false);
    await load();
    expect((await list())[0]!.inUse).toBe(true);
    // listed before it was used: looked at again before it goes
    expect(await clearCache(found)).toEqual([]);
    expect(existsSync(path)).toBe(true);
  });

  it('leaves what another process uses until that is killed, weights and hub models alike', async () => {
    const child: ChildProcess = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    await once(child, 'spawn');
    const path = await converted();
    const folder = hubModel('org/small', 10);
    try {
      for (const { mark } of await list()) await usedBy(child.pid!, mark.name);
      expect((await list()).map(({ inUse }) => inUse)).toEqual([true, true]);
      expect(await clearCache((await list()).map((entry) => ({ ...entry, inUse: false })))).toEqual([]);
      expect([existsSync(path), existsSync(folder)]).toEqual([true, true]);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    expect(await clearCache(await list())).toHaveLength(2);
    expect([existsSync(path), existsSync(folder)]).toEqual([false, false]);
    expect(readdirSync(join(cacheDir, 'in-use'))).toEqual([]);
  });

  it('a mark goes with its process', async () => {
    await usedBy(NO_PROCESS, 'some');
    expect(await isInUse(cacheDir, 'some')).toBe(false);
    expect(readdirSync(join(cacheDir, 'in-use', 'some'))).toEqual([]);
  });
});
