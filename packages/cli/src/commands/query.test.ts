/** @file `query`: a circuit for one prompt, by the answer that was named or the model's own, and what it is refused for. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal, runMain } from '../test/run-main.js';

const CLEAN = 'While Suri and Rosa waited at the bakery , Rosa handed a blanket to';
const CORRUPT = 'While Suri and Rosa waited at the bakery , Tamar handed a blanket to';
const PAIR = ['--prompt', CLEAN, '--corrupt', CORRUPT];
const MODEL = ['query', '--model', 'ioi-mini', '--backend', 'onnx'];

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'query-command-'));
});
afterAll(() => rm(cwd, { recursive: true }));

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runMain([...args, '--quiet'], { cwd });
  expect(code, stderr + stdout).toBe(0);
  return stdout;
}
const json = async (...args: string[]) => JSON.parse(await ok(...args, '--json'));
const refused = (...args: string[]) => refusal(args, { cwd });

interface Size {
  readonly edges: number;
  readonly ndf: number;
  readonly logit_diff: number;
}

describe('query', { timeout: 120_000 }, () => {
  it('measures circuits of the prompt by the deviation of their logit difference, and keeps a small faithful one', async () => {
    const found = await json(...MODEL, ...PAIR, '--answer', 'Suri', '--wrong', 'Rosa', '--edges', '0,5,10,20,40,60,262', '--out', 'q'); // biome-ignore format: one line
    expect(found).toMatchObject({ answers: ['Suri'], wrong_answers: ['Rosa'], edges_total: 262 });
    const { model, corrupt } = found.logit_diff;
    expect(model).toBeGreaterThan(corrupt);
    for (const { ndf, logit_diff: own } of found.sizes as Size[]) {
      expect(ndf).toBeCloseTo(1 - Math.min(1, Math.abs((model - own) / (model - corrupt))), 5);
    }
    expect(found.sizes.at(0)).toMatchObject({ edges: 0, ndf: 0 });
    expect(found.sizes.at(-1)).toMatchObject({ edges: 262, ndf: 1 });
    const kept = (found.sizes as Size[]).find(({ edges }) => edges === found.edges_kept)!;
    expect(kept.ndf).toBeGreaterThanOrEqual(0.9);
    expect(found.edges_kept).toBeLessThan(60);
    expect(found.edges).toHaveLength(Math.min(12, found.edges_kept));
    const sizes = found.edges.map(({ score }: { readonly score: number }) => Math.abs(score));
    expect(sizes).toEqual(sizes.toSorted((a: number, b: number) => b - a));
    expect((await readdir(join(cwd, 'q'))).sort()).toEqual(['circuit.json', 'prompt.json', 'scores.safetensors']);
    expect(await readFile(join(cwd, 'q', 'prompt.json'), 'utf8')).toContain(CLEAN);
    const again = await json('evaluate', 'q/circuit.json', '--model', 'ioi-mini', '--data', 'q/prompt.json', '--metric', 'ndf', '--test', 'same', '--backend', 'onnx'); // biome-ignore format: one line
    expect(again.measurements[0].points[0].value).toBeCloseTo(kept.ndf, 5);
  });

  it('explains the model’s own answer where none is named, against its second choice or the corrupt one’s', async () => {
    const own = await json(...MODEL, ...PAIR, '--edges', '5,20', '--keep', '20');
    expect(own.answers).toEqual(['Suri']);
    expect(own.wrong_answers).toHaveLength(1);
    expect(own.wrong_answers).not.toEqual(own.answers);
    expect(own.logit_diff.model).toBeGreaterThan(0);
    const swapped = await json(...MODEL, '--prompt', CLEAN, '--corrupt', CLEAN.replace(/Rosa handed/, 'Suri handed'), '--edges', '5', '--keep', '5'); // biome-ignore format: one line
    expect(swapped).toMatchObject({ answers: ['Suri'], wrong_answers: ['Rosa'] });
  });

  it('needs no other prompt where zeros are patched in', async () => {
    const found = await json(...MODEL, '--prompt', CLEAN, '--ablation', 'zero', '--edges', '10,100', '--keep', '100');
    expect(found.edges_kept).toBe(100);
    expect(await refused(...MODEL, '--prompt', CLEAN)).toMatchObject({
      code: 'missing-option',
      fields: { option: '--corrupt' },
    });
  });

  it('shows the answer, the sizes and the edges', async () => {
    const said = await ok(
      ...MODEL,
      ...PAIR,
      '--answer',
      'Suri',
      '--wrong',
      'Rosa',
      '--edges',
      '5,20',
      '--keep',
      '20',
      '--top',
      '3',
    );
    expect(said).toMatch(/^"Suri" rather than "Rosa", by [\d.]+ logits; -?[−\d.]+ with every edge patched/);
    expect(said).toMatch(/> 20 +[01]\.\d{4}/);
    expect(said).toContain('strongest of 20 edges (of 262)');
    expect(said.match(/->/g)).toHaveLength(3);
  });

  it('refuses what cannot be run, in a sentence', async () => {
    expect(await refused('query', '--model', 'ioi-mini')).toMatchObject({ fields: { option: '--prompt' } });
    expect(await refused(...MODEL, '--prompt', CLEAN, '--corrupt', `${CORRUPT} the`)).toMatchObject({
      code: 'invalid-prompt',
    });
    expect(await refused(...MODEL, ...PAIR, '--answer', 'Suri Rosa')).toMatchObject({ code: 'answer-not-one-token' });
    expect(await refused(...MODEL, ...PAIR, '--algo', 'epa')).toMatchObject({ code: 'unknown-name' });
  });
});
