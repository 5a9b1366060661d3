/** @file Eight shards that start at once where nothing is cached: one conversion of the weights, which all of them map. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const PROCESSES = 8;
const RUN = ['--task', 'ioi-mini', '--algo', 'eap', '--batch-size', '2', '--train', '16', '--test', '16', '--edges', '40', '--keep', '40', '--threads', '1']; // biome-ignore format: one line

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'cold-cache-'));
});
afterAll(() => rm(cwd, { recursive: true }));

async function ended(cache: string, ...args: string[]): Promise<number | null> {
  const env = { ...process.env, XDG_CACHE_HOME: join(cwd, cache), AUTO_CIRCUIT_CACHE: join(cwd, cache) };
  const child = spawn(process.execPath, [program, ...args, '--quiet'], {
    cwd,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return ((await once(child, 'exit')) as [number | null])[0];
}
const filesIn = async (folder: string) =>
  (await readdir(join(cwd, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort();

it(`${PROCESSES} processes on a cold cache leave what one leaves, and the bytes of one`, async () => {
  await mkdir(join(cwd, 'one'));
  await mkdir(join(cwd, 'many'));
  expect(await ended('one', 'discover', ...RUN, '--out', 'whole')).toBe(0);
  expect(await ended('many', 'plan', ...RUN, '--shards', `${PROCESSES}`, '--out', 'plan')).toBe(0);
  await rm(join(cwd, 'many'), { recursive: true });
  await mkdir(join(cwd, 'many'));
  const shards = Array.from({ length: PROCESSES }, (_, i) => ended('many', 'run-shard', 'plan', `${i}`));
  expect(await Promise.all(shards)).toEqual(Array.from({ length: PROCESSES }, () => 0));
  expect(await ended('many', 'collect', 'plan')).toBe(0);
  expect(await filesIn('many')).toEqual(await filesIn('one'));
  for (const name of ['scores.safetensors', 'measurements.json', 'circuit.json', 'run.json']) {
    expect(await readFile(join(cwd, 'plan', 'result', name)), name).toEqual(await readFile(join(cwd, 'whole', name)));
  }
});
