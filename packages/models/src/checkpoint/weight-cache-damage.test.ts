/** @file Weights that change where they should not: a model while it is read, a cached file between runs and during one. */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gpt2Recipe } from '../recipes/gpt2.js';
import { errorWith } from '../testing/error-matcher.js';
import { canonicalWeights } from './canonical.js';
import { checkWeightCache } from './check-cache.js';
import { openCheckpoint } from './hf-folder.js';
import { loadWeights } from './weight-cache.js';

const original = fileURLToPath(new URL('../../test-data/attnonly_2l3h', import.meta.url));

let root: string;
let model: string;
let cacheDir: string;
let warnings: string[];
/** Clocks of file systems tick in some milliseconds. */
const TICK_MS = 20;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'cache-damage-'));
  [model, cacheDir] = [join(root, 'model'), join(root, 'cache')];
  cpSync(original, model, { recursive: true });
  await sleep(TICK_MS);
  warnings = [];
});
afterEach(() => rmSync(root, { recursive: true }));

const onWarning = (line: string): void => {
  if (!line.startsWith('[checkpoint]')) warnings.push(line);
};
const load = async (settings: { memoryLimitBytes?: number; recipe?: typeof gpt2Recipe } = {}) => {
  const { recipe = gpt2Recipe, ...others } = settings;
  const loaded = await loadWeights(model, recipe, 'all', { cacheDir, memoryLimitBytes: 0, onWarning, ...others });
  await sleep(TICK_MS);
  return loaded;
};
const numbersOf = (folder: string) => {
  const { tensors } = canonicalWeights(openCheckpoint(folder), gpt2Recipe, 'all');
  return Object.fromEntries([...tensors].map(([name, { load: numbers }]) => [name, numbers()]));
};
const weightFile = () => {
  const folder = join(cacheDir, 'weights');
  return join(folder, readdirSync(folder)[0]!);
};
/** The same file with one bit of its last tensor's upper byte turned: another model. */
function turnBit(path: string, back = 1): void {
  const mode = statSync(path).mode;
  chmodSync(path, 0o644);
  const bytes = readFileSync(path);
  bytes[bytes.length - back]! ^= 1;
  writeFileSync(path, bytes);
  chmodSync(path, mode);
}
/** The recipe, whose first weight to be read does something first. */
const doing = (act: () => void): typeof gpt2Recipe => {
  let left = 1;
  return {
    ...gpt2Recipe,
    rules: (config, raw) =>
      gpt2Recipe.rules(config, raw).map((rule) => ({
        ...rule,
        from: (from) => {
          const numbers = rule.from(from);
          if (left-- === 1) act();
          return numbers;
        },
      })),
  };
};

describe('a model that changes while it is read', () => {
  const changes: Record<string, () => void> = {
    'written in place': () => turnBit(join(model, 'model.safetensors')),
    'written in place, its time set back': () => {
      const { atime, mtime } = statSync(join(model, 'model.safetensors'));
      turnBit(join(model, 'model.safetensors'));
      utimesSync(join(model, 'model.safetensors'), atime, mtime);
    },
    replaced: () => {
      copyFileSync(join(model, 'model.safetensors'), join(root, 'other'));
      turnBit(join(root, 'other'));
      renameSync(join(root, 'other'), join(model, 'model.safetensors'));
    },
    'with another config': () => {
      const config = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8'));
      writeFileSync(join(model, 'config.json'), JSON.stringify({ ...config, layer_norm_epsilon: 0.1 }));
    },
  };

  it.each(Object.entries(changes))('%s: is refused, and leaves nothing in the cache', async (_, change) => {
    for (const memoryLimitBytes of [0, 2 ** 30]) {
      await expect(load({ memoryLimitBytes, recipe: doing(change) })).rejects.toThrow(
        errorWith('file-changed', { path: expect.stringContaining(model) }),
      );
      const folder = join(cacheDir, 'weights');
      expect(existsSync(folder) ? readdirSync(folder) : []).toEqual([]);
    }
    const { store } = await load();
    for (const [name, numbers] of Object.entries(numbersOf(model))) expect(store.read(name)).toEqual(numbers);
    expect(warnings).toEqual([]);
  });

  it('or whose conversion is cut short while it is written, is refused and not kept', async () => {
    const cut = (): void => {
      const folder = join(cacheDir, 'weights');
      for (const name of readdirSync(folder)) truncateSync(join(folder, name), 1000); // the rest is written after a hole
    };
    let reads = 0;
    const recipe: typeof gpt2Recipe = {
      ...gpt2Recipe,
      rules: (config, raw) =>
        gpt2Recipe.rules(config, raw).map((rule) => ({
          ...rule,
          from: (from) => {
            if (++reads === 8) cut();
            return rule.from(from);
          },
        })),
    };
    await expect(load({ recipe })).rejects.toThrow(
      errorWith('file-changed', { path: expect.stringContaining(cacheDir) }),
    );
    const { store } = await load();
    for (const [name, numbers] of Object.entries(numbersOf(model))) expect(store.read(name)).toEqual(numbers);
  });

  it('just after it was written: its hash is not remembered, since clocks may not tell', async () => {
    await load();
    expect(readdirSync(cacheDir)).not.toContain('hashes');
    await load({ memoryLimitBytes: 2 ** 30 });
    expect(readdirSync(cacheDir)).not.toContain('hashes');
  });
});

describe('a cached file between runs', () => {
  const damages: Record<string, (path: string) => void> = {
    'a bit turned': (path) => turnBit(path),
    'a bit turned, its time set back': (path) => {
      const { atime, mtime } = statSync(path);
      turnBit(path, 2000);
      utimesSync(path, atime, mtime);
    },
    'zeros in place of numbers': (path) => {
      const bytes = readFileSync(path);
      chmodSync(path, 0o644);
      writeFileSync(path, bytes.fill(0, bytes.length - 4096));
    },
    'cut short': (path) => truncateSync(path, statSync(path).size - 1),
    empty: (path) => truncateSync(path, 0),
  };

  it.each(Object.entries(damages))('%s: is found, said, and written again', async (_, damage) => {
    const { store } = await load();
    damage(weightFile());
    const again = (await load()).store;
    expect(again.key).toBe(store.key);
    for (const [name, numbers] of Object.entries(numbersOf(model))) expect(again.read(name)).toEqual(numbers);
    expect(warnings).toEqual([expect.stringMatching(/is damaged: its checksum|is not a complete safetensors file/)]);
    await load();
    expect(warnings).toHaveLength(1);
  });

  it('with other times only is read whole once, and kept', async () => {
    await load();
    utimesSync(weightFile(), new Date(), new Date(0));
    const { ino } = statSync(weightFile());
    await load();
    expect(statSync(weightFile()).ino).toBe(ino);
    expect(warnings).toEqual([]);
  });

  it('without a checksum, as earlier versions left it, is written again', async () => {
    await load();
    const { ino } = statSync(weightFile());
    rmSync(join(cacheDir, 'checks'), { recursive: true });
    await load();
    expect(statSync(weightFile()).ino).not.toBe(ino);
    expect(readdirSync(join(cacheDir, 'checks'))).toHaveLength(1);
  });

  it('that decays without a trace in its times is found by the full check, and by the next run after it', async () => {
    await load();
    const [note] = readdirSync(join(cacheDir, 'checks'));
    const path = join(cacheDir, 'checks', note!);
    turnBit(weightFile());
    const { stamp: _, ...rest } = JSON.parse(readFileSync(path, 'utf8'));
    const { fileStamp } = await import('@auto-circuit/core/run');
    writeFileSync(path, JSON.stringify({ ...rest, stamp: fileStamp(weightFile()) }));
    await load();
    expect(warnings).toEqual([]); // nothing to see
    const report = await checkWeightCache(cacheDir);
    expect(report).toEqual({ files: 1, bytes: statSync(weightFile()).size, damaged: [weightFile()], unknown: [] });
    const { store } = await load();
    expect(warnings).toEqual([expect.stringContaining('is damaged')]);
    for (const [name, numbers] of Object.entries(numbersOf(model))) expect(store.read(name)).toEqual(numbers);
    expect((await checkWeightCache(cacheDir)).damaged).toEqual([]);
  });

  it('cannot be written by whoever does not mean to', async () => {
    await load();
    if (process.platform !== 'win32') expect(statSync(weightFile()).mode & 0o222).toBe(0);
  });
});

describe('a cached file that a run maps', () => {
  it('is noticed to be another: written in place, cut, or replaced by one with other numbers', async () => {
    const { store } = await load();
    store.check!();
    const changed = errorWith('file-changed', { path: weightFile() });
    const whole = readFileSync(weightFile());
    turnBit(weightFile());
    expect(() => store.check!()).toThrow(changed);
    const second = (await load()).store;
    truncateSync(weightFile(), 100);
    expect(() => second.check!()).toThrow(changed);
    const third = (await load()).store;
    writeFileSync(join(root, 'other'), whole.fill(0, whole.length - 4));
    renameSync(join(root, 'other'), weightFile());
    expect(() => third.check!()).toThrow(changed);
    expect(() => third.read('embed.W')).toThrow(changed);
  });

  it('may get other times and rights, be replaced by the same content, or be removed', async () => {
    const { store } = await load();
    const expected = store.read('embed.W');
    chmodSync(weightFile(), 0o644);
    store.check!();
    copyFileSync(weightFile(), join(root, 'same'));
    renameSync(join(root, 'same'), weightFile());
    store.check!();
    expect(store.read('embed.W')).toEqual(expected);
    rmSync(weightFile());
    store.check!();
  });
});
