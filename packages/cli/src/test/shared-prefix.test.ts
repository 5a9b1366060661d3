/** @file `--shared-prefix`: the same numbers with fewer positions. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSafetensors } from '@auto-circuit/core/run';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal, runMain } from './run-main.js';

let cwd: string;
const pair = (a: string, b: string, third: string) => ({
  clean: `While ${a} and ${b} waited at the bakery , ${b} handed a blanket to`,
  corrupt: `While ${a} and ${b} waited at the bakery , ${third} handed a blanket to`,
  answers: [` ${a}`],
  wrong_answers: [` ${b}`],
});
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'shared-prefix-'));
  const prompts = [pair('Suri', 'Rosa', 'Tamar'), pair('Rosa', 'Tamar', 'Suri'), pair('Tamar', 'Suri', 'Rosa')];
  await writeFile(join(cwd, 'p.json'), JSON.stringify({ prompts, word_idxs: { giver: 9, first: 1 } }));
  const apart = { ...prompts[0], corrupt: prompts[0]!.corrupt.replace('While', 'Suri') };
  await writeFile(join(cwd, 'apart.json'), JSON.stringify({ prompts: [apart] }));
});
afterAll(() => rm(cwd, { recursive: true }));

const discover = (out: string, ...args: string[]) =>
  runMain(
    [
      'discover',
      '--data',
      'p.json',
      '--model',
      'ioi-mini',
      '--algo',
      'eap',
      '--test',
      'same',
      '--train',
      '3',
      '--keep',
      '20',
      '--edges',
      '5,20',
      '--out',
      out,
      ...args,
    ],
    { cwd, env: {} },
  );
const scores = (run: string): number[] => {
  const file = openSafetensors(join(cwd, run, 'scores.safetensors'));
  return [...file.tensors.keys()].sort().flatMap((name) => [...file.read(name)]);
};

describe('--shared-prefix', () => {
  it('gives the same scores and circuits under resample, with fewer positions', async () => {
    expect((await discover('whole')).code).toBe(0);
    const { code, stderr } = await discover('tail', '--shared-prefix');
    expect(code).toBe(0);
    expect(stderr).toContain('the first 10 run once'); // BOS, nine words
    const [whole, tail] = [scores('whole'), scores('tail')];
    const largest = Math.max(...whole.map(Math.abs));
    // float32 through three layers, added up in another order
    tail.forEach((score, i) => expect(Math.abs(score - whole[i]!)).toBeLessThan(1e-5 * largest));
    const { measurements } = JSON.parse(
      (await runMain(['evaluate', 'tail', '--metric', 'kl', '--json'], { cwd, env: {} })).stdout,
    );
    expect(measurements[0].points.length).toBe(2);
    expect((await runMain(['verify', 'tail', '--backend', 'interpreter'], { cwd, env: {} })).code).toBe(0);
  });

  it('has edges for the positions after it only', async () => {
    const { code, stderr } = await discover('positions', '--shared-prefix', '--token-positions');
    expect(code).toBe(0);
    expect(stderr).toContain('at 5 positions');
    const run = JSON.parse(readFileSync(join(cwd, 'positions', 'run.json'), 'utf8'));
    expect(run.prompts.labels).toHaveLength(5);
    expect(run.sources.sharedPrefix).toBe(true);
  });

  it('needs something that is shared', async () => {
    const args = [
      'discover',
      '--data',
      'apart.json',
      '--model',
      'ioi-mini',
      '--algo',
      'eap',
      '--shared-prefix',
      '--bos',
      'off',
    ];
    const error = await refusal(args, { cwd });
    expect(error).toMatchObject({ code: 'nothing-to-share', fields: { prompt: 0 } });
    expect(error.fix).toMatch(/--bos on/);
  });
});
