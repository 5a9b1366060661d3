/** @file The tasks on a real language model: SmolLM2-135M answers the prompts made for its tokenizer, through the built program. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const MODEL = process.env.SMOLLM2_DIR ?? '';
const THERE = existsSync(join(MODEL, 'model.safetensors'));
if (!THERE) {
  console.log('NOT RUN: tasks on SmolLM2 (set SMOLLM2_DIR to a Hugging Face folder of SmolLM2-135M-Instruct)');
}
const run = (...args: string[]) =>
  spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', maxBuffer: 2 ** 26 });

/** Share of all prompts whose answer is above every wrong answer, as the README of each data set has it. */
const SHARES = { 'greater-than': 1, ioi: 0.988, docstring: 0.826, sva: 0.992, pronouns: 1 } as const;
const PROMPTS = 64;

describe.runIf(THERE)('SmolLM2-135M', () => {
  it.each(Object.entries(SHARES))('answers %s', { timeout: 300_000 }, (task, share) => {
    const { status, stdout, stderr } = run(
      'dataset',
      '--generate',
      task,
      '--count',
      `${PROMPTS}`,
      '--model',
      MODEL,
      '--json',
    );
    expect([status, status === 0 ? '' : stderr]).toEqual([0, '']);
    const { clean } = JSON.parse(stdout) as {
      readonly clean: { readonly above_wrong: number; readonly logit_diff: number };
    };
    // The first 64 of the same prompts: within three standard errors, with one prompt's weight where all are right.
    const error = Math.sqrt(Math.max(share * (1 - share), 1 / PROMPTS) / PROMPTS);
    expect(clean.above_wrong).toBeGreaterThan(share - 3 * error);
    expect(clean.logit_diff).toBeGreaterThan(1);
  });
});
