/** @file The weight cache: the same numbers from file and memory, keys by content, and folders that cannot be written. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gpt2Recipe } from '../recipes/gpt2.js';
import { errorWith } from '../testing/error-matcher.js';
import { canonicalWeights } from './canonical.js';
import { openCheckpoint } from './hf-folder.js';
import { defaultCacheDir, loadWeights } from './weight-cache.js';

const model = fileURLToPath(new URL('../../test-data/attnonly_2l3h', import.meta.url));
const canonical = canonicalWeights(openCheckpoint(model), gpt2Recipe, 'all');

let cacheDir: string;
let warnings: string[];
/** What is said of the checkpoint, apart from what is said of the cache. */
let notes: string[];
const onWarning = (line: string): void => {
  (line.startsWith('[checkpoint]') ? notes : warnings).push(line);
};
beforeEach(() => {
  cacheDir = mkdtempSync(join(tmpdir(), 'weight-cache-'));
  warnings = [];
  notes = [];
});
afterEach(() => rmSync(cacheDir, { recursive: true }));

const load = (
  folder = model,
  options: { memoryLimitBytes?: number; onProgress?: (done: number, total: number) => void } = {},
) =>
  loadWeights(folder, gpt2Recipe, 'all', {
    cacheDir,
    memoryLimitBytes: 0,
    onWarning,
    ...options,
  });
const cachedFiles = () => readdirSync(join(cacheDir, 'weights'));

describe('loadWeights', () => {
  it('keeps a small model in memory, with the same key and numbers as in a file', async () => {
    const { store, processing } = await load(model, { memoryLimitBytes: 2 ** 20 });
    expect(readdirSync(cacheDir)).toEqual(['hashes']);
    expect(store.entry('L1.attn.q.W')).toHaveProperty('data');
    expect(processing).toContain('fold-norm');
    const inFile = (await load()).store;
    expect(inFile.key).toBe(store.key);
    for (const name of store.names) expect(inFile.read(name)).toEqual(store.read(name));
  });

  it('writes a large model once; entries point at the bytes', async () => {
    const progress: number[] = [];
    const onProgress = (done: number) => progress.push(done);
    const { store } = await load(model, { onProgress });
    expect(progress.at(-1)).toBe(canonical.tensors.size);
    expect([...store.names].sort()).toEqual([...canonical.tensors.keys()].sort());
    const entry = store.entry('L0.attn.o.W');
    if (!('file' in entry)) throw new Error('expected an entry in a file');
    const bytes = readFileSync(entry.file).subarray(entry.byteOffset, entry.byteOffset + 4 * 3 * 8 * 24);
    expect(new Float32Array(new Uint8Array(bytes).buffer)).toEqual(canonical.tensors.get('L0.attn.o.W')!.load());
    const written = statSync(entry.file).ino;
    progress.length = 0;
    await load(model, { onProgress });
    expect(progress).toEqual([]);
    expect(statSync(entry.file).ino).toBe(written);
    expect(warnings).toEqual([]);
    expect(() => store.entry('L0.attn.x.W')).toThrow(errorWith('missing-tensor', { tensor: 'L0.attn.x.W' }));
  });

  it('keys by content: a copy elsewhere shares the file, a changed weight or processing does not', async () => {
    const { store } = await load();
    const copy = mkdtempSync(join(tmpdir(), 'copy-'));
    try {
      cpSync(model, copy, { recursive: true });
      expect((await load(copy)).store.key).toBe(store.key);
      const path = join(copy, 'model.safetensors');
      const bytes = readFileSync(path);
      bytes[bytes.length - 2]! ^= 1;
      writeFileSync(path, bytes);
      utimesSync(path, new Date(), new Date(Date.now() + 5000));
      expect((await load(copy)).store.key).not.toBe(store.key);
    } finally {
      rmSync(copy, { recursive: true });
    }
    const plain = await loadWeights(model, gpt2Recipe, 'none', { cacheDir, memoryLimitBytes: 0, onWarning: () => {} });
    expect(plain.store.key).not.toBe(store.key);
    expect(cachedFiles()).toHaveLength(3);
  });

  it('names what the checkpoint holds and the model does not, also when the cache has it', async () => {
    // the file was written by a class with MLPs, which its config takes away: 6 tensors in each of 2 layers
    const said = expect.stringMatching(/\] 12 tensors of .* are not part of .*: transformer\.h\.0\.ln_2\.bias, .*, …$/);
    await load();
    await load();
    expect(notes).toEqual([said, said]);
    expect((await load(model, { memoryLimitBytes: 2 ** 30 })).notes).toEqual([said]);
    // a cache of before that was known is written again, once
    rmSync(join(cacheDir, 'unused'), { recursive: true });
    const progress: number[] = [];
    for (let i = 0; i < 2; i++) await load(model, { onProgress: (done) => progress.push(done) });
    expect(progress).toHaveLength(canonical.tensors.size);
    expect(notes).toHaveLength(5);
  });

  it('makes a damaged file or note anew', async () => {
    const { store } = await load();
    const path = join(cacheDir, 'weights', cachedFiles()[0]!);
    writeFileSync(path, readFileSync(path).subarray(0, 1000));
    for (const note of readdirSync(join(cacheDir, 'hashes')))
      writeFileSync(join(cacheDir, 'hashes', note), '{"sha256":');
    const again = (await load()).store;
    expect(again.key).toBe(store.key);
    expect(again.read('embed.W')).toEqual(canonical.tensors.get('embed.W')!.load());
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/is not a complete safetensors file: .*\(the cache rewrites it\)/);
  });

  it('several at once leave one whole file', async () => {
    const stores = await Promise.all(Array.from({ length: 6 }, () => load()));
    expect(cachedFiles()).toEqual([`${stores[0]!.store.key}.safetensors`]);
    for (const { store } of stores) expect(store.read('pos.W')).toEqual(canonical.tensors.get('pos.W')!.load());
  });

  it('goes to a temporary folder, with a warning, when the cache cannot be written', async () => {
    const blocked = join(cacheDir, 'file');
    writeFileSync(blocked, '');
    const temporary = mkdtempSync(join(tmpdir(), 'tmp-'));
    const before = process.env.TMPDIR;
    process.env.TMPDIR = temporary;
    try {
      const settings = {
        cacheDir: join(blocked, 'cache'),
        memoryLimitBytes: 0,
        onWarning,
      };
      const { store } = await loadWeights(model, gpt2Recipe, 'all', settings);
      const entry = store.entry('embed.W');
      expect('file' in entry && entry.file.startsWith(temporary)).toBe(true);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatch(
        /^\[cache\] cannot write .*: a part of the path is a file.*; using .*auto-circuit-cache/,
      );
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
      rmSync(temporary, { recursive: true });
    }
  });

  it('names the cache folder by AUTO_CIRCUIT_CACHE, then XDG_CACHE_HOME, then the home folder', () => {
    expect(defaultCacheDir({ AUTO_CIRCUIT_CACHE: '/a', XDG_CACHE_HOME: '/x' })).toBe('/a');
    expect(defaultCacheDir({ XDG_CACHE_HOME: '/x' })).toBe(join('/x', 'auto-circuit'));
    expect(defaultCacheDir({})).toMatch(/[\\/]\.cache[\\/]auto-circuit$/);
  });
});
