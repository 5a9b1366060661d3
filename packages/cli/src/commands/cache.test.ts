/** @file `auto-circuit cache` on caches with a hub model and weights of a converted one. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refusal, runMain } from '../test/run-main.js';

const KEY = 'ab'.repeat(32);
const DAY_MS = 86_400_000;

let root: string;
let env: Record<string, string>;
let weights: string;
let blob: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cache-command-'));
  env = { AUTO_CIRCUIT_CACHE: join(root, 'own'), HF_HUB_CACHE: join(root, 'hub') };
  weights = join(root, 'own', 'weights', `${KEY}.safetensors`);
  blob = join(root, 'hub', 'models--org--small', 'blobs', 'abc');
  for (const path of [weights, blob]) {
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, Buffer.alloc(2048));
    const old = new Date(Date.now() - 40 * DAY_MS);
    utimesSync(path, old, old);
  }
});
afterEach(() => rmSync(root, { recursive: true }));

const run = async (...args: string[]) => {
  const { code, stdout } = await runMain(['cache', ...args, '--json'], { env });
  expect(code).toBe(0);
  return JSON.parse(stdout);
};
const there = () => [existsSync(weights), existsSync(blob)];

describe('cache', () => {
  it('lists what is there, and doctor counts it', async () => {
    const { bytes, entries } = await run();
    expect(bytes).toBe(4096);
    expect(entries.map(({ kind, name, in_use }: Record<string, unknown>) => [kind, name, in_use]).sort()).toEqual([
      ['hub', 'org/small', false],
      ['weights', KEY.slice(0, 12), false],
    ]);
    const { stdout } = await runMain(['cache'], { env });
    expect(stdout).toMatch(/org\/small +hub download +2\.0 KiB/);
    const { checks } = JSON.parse((await runMain(['doctor', '--json'], { env })).stdout);
    const detail = (what: string) => checks.find((check: { what: string }) => check.what === what).detail;
    expect(detail('converted weights')).toContain(`${env.AUTO_CIRCUIT_CACHE} (1 model, 2.0 KiB`);
    expect(detail('hub cache')).toContain(`${env.HF_HUB_CACHE} (1 model, 2.0 KiB`);
  });

  it('clears converted weights; hub downloads only by name or with --hub', async () => {
    expect((await run('clear', '--dry-run')).cleared).toMatchObject([{ path: weights, bytes: 2048 }]);
    expect(there()).toEqual([true, true]);
    expect(await run('clear')).toMatchObject({ dry_run: false, bytes: 2048, in_use: [] });
    expect(there()).toEqual([false, true]);
    await run('clear', 'org/small');
    expect(there()).toEqual([false, false]);
  });

  it('--older-than goes by the last use', async () => {
    expect((await run('clear', '--hub', '--older-than', '9w')).cleared).toEqual([]);
    expect((await run('--older-than', '30d')).entries).toHaveLength(2);
    utimesSync(weights, new Date(), new Date());
    expect((await run('clear', '--hub', '--older-than', '30d')).cleared).toMatchObject([{ name: 'org/small' }]);
    expect(there()).toEqual([true, false]);
  });

  it('--older-than leaves hub downloads alone without --hub', async () => {
    expect((await run('clear', '--older-than', '30d')).cleared).toMatchObject([{ path: weights }]);
    expect(there()).toEqual([false, true]);
  });

  it('what is in use stays, and is named', async () => {
    const mark = join(root, 'own', 'in-use', KEY, 'x');
    mkdirSync(mark, { recursive: true });
    writeFileSync(join(mark, '.lock'), JSON.stringify({ pid: process.pid, host: hostname(), started: null, id: 'x' }));
    const { code, stdout, stderr } = await runMain(['cache', 'clear'], { env });
    expect([code, there(), stdout]).toEqual([0, [true, true], '0 B freed\n']);
    expect(stderr).toContain(`${KEY.slice(0, 12)} (converted weights) is in use and stays`);
  });

  it.each([
    [['clean'], 'unknown-name', { name: 'clean', nearest: ['clear'] }],
    [['clear', 'org/smal'], 'unknown-name', { name: 'org/smal', nearest: ['org/small'] }],
    [['clear', '--older-than', 'yesterday'], 'invalid-option', { option: 'olderThan', got: 'yesterday' }],
  ])('refuses %j', async (args, code, fields) => {
    expect(await refusal(['cache', ...args], { env })).toMatchObject({ code, fields });
    expect(there()).toEqual([true, true]);
  });
});
