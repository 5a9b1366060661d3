/** @file Models opened for prompts: loaded again, once and quietly, where the prompts are longer than its tables of positions. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openSafetensors, safetensorsSource, writeSafetensors } from '@auto-circuit/core/run';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createCli } from '../context/context.js';
import { runMain } from '../test/run-main.js';
import { type LoadedModel, loadedFor, loadNamedModel } from './open-model.js';

const mistral = fileURLToPath(new URL('../../../models/test-data/families/mistral', import.meta.url));
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'open-model-'));
  cpSync(mistral, folder, { recursive: true });
  const config = JSON.parse(readFileSync(join(mistral, 'config.json'), 'utf8'));
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, max_position_embeddings: 8200 }));
  const file = openSafetensors(join(mistral, 'model.safetensors'));
  const tensors = [...file.tensors].map(([name, { shape }]) =>
    safetensorsSource(name, shape, Float32Array.from(file.read(name))),
  );
  // a tensor that the model does not use, so that there is something to say
  const extra = safetensorsSource('lm_head.extra', [1], Float32Array.of(1));
  await writeSafetensors(join(folder, 'model.safetensors'), [...tensors, extra]);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** `logits` for a prompt of so many tokens. */
async function logits(
  length: number,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const prompt = Array.from({ length }, (_, i) => (7 * i) % 13);
  const file = join(folder, 'data.json');
  writeFileSync(
    file,
    JSON.stringify({ prompts: [{ clean: prompt, corrupt: prompt, answers: [1], wrong_answers: [2] }] }),
  );
  return runMain(['logits', '--model', '.', '--data', 'data.json', '--json'], { cwd: folder });
}

it('loads again for prompts that are longer than the tables of a first load, and says nothing twice', async () => {
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text) > 0, isTTY: false, columns: 100 };
  const { signal } = new AbortController();
  const streams = { stdout: stream, stderr: stream, cwd: folder, env: {}, signal };
  const cli = createCli(new Command(), streams, { plugins: [], defaults: {}, file: null }, []);
  const first = await loadNamedModel(cli, '.', false);
  expect(written.splice(0).join('')).toMatch(/lm_head.extra/);
  const rows = ({ model }: LoadedModel): number => model.weights.entry('rope.cos').shape[0]!;
  const prompt = (length: number) => ({ clean: [1], corrupt: new Array<number>(length).fill(1) });
  expect(rows(first)).toBe(256);
  expect(await loadedFor(cli, false, first, [prompt(256)])).toBe(first);
  expect(rows(await loadedFor(cli, false, first, [prompt(257), prompt(3)]))).toBe(512);
  const second = await loadedFor(cli, false, first, [prompt(3), prompt(8193)]);
  expect([rows(second), second.model.spec.tablePositions]).toEqual([8200, undefined]);
  expect(written).toEqual([]);
  expect(await loadedFor(cli, false, first, [prompt(8201)])).toBe(first); // beyond the model's own limit
});

it('refuses prompts that are longer than the model, by its own limit', async () => {
  const { code, stdout } = await logits(8201);
  expect(code).not.toBe(0);
  expect(JSON.parse(stdout).error).toMatchObject({ code: 'prompt-too-long', fields: { length: 8201, limit: 8200 } });
});
