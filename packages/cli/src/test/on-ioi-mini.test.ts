/** @file The commands on a model of text: the shipped one. What must hold for any weights is checked, not its numbers. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal, runMain } from './run-main.js';

const PROMPT = {
  clean: 'While Suri and Rosa waited at the bakery , Rosa handed a blanket to',
  corrupt: 'While Suri and Rosa waited at the bakery , Tamar handed a blanket to',
  answers: [' Suri'],
  wrong_answers: [' Rosa'],
};
let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'on-ioi-mini-'));
  await writeFile(join(cwd, 'p.json'), JSON.stringify({ prompts: [PROMPT] }));
});
afterAll(() => rm(cwd, { recursive: true }));

const run = (...args: string[]) => runMain([...args, '--model', 'ioi-mini'], { cwd, env: {} });
const PAIR = ['--clean', PROMPT.clean, '--corrupt', PROMPT.corrupt, '--answer', ' Suri', '--wrong', ' Rosa'];

interface Watched {
  readonly text: string;
  readonly before: { readonly logit: number };
  readonly after: { readonly logit: number };
  readonly corrupt: { readonly logit: number };
}

describe('openTask', () => {
  it('takes what loadModel gives as it is, as every example does', async () => {
    const { openTask } = await import('@auto-circuit/core');
    const { loadModel } = await import('@auto-circuit/models');
    const { onnxBackend } = await import('@auto-circuit/backend-onnx');
    const task = await openTask({
      data: join(cwd, 'p.json'),
      ...(await loadModel('ioi-mini')),
      backend: onnxBackend,
      test: 'same',
    });
    expect(task.graph.edgeCount).toBe(262);
    await task.dispose();
  });
});

describe('patch', () => {
  const patched = async (...args: string[]): Promise<readonly Watched[]> => {
    const { code, stdout } = await run('patch', ...PAIR, '--json', '--quiet', ...args);
    expect(code).toBe(0);
    return (JSON.parse(stdout) as { readonly answers: readonly Watched[] }).answers;
  };
  const FLOAT_STEPS = 1e-4; // logits near 10 in float32, a few hundred operations apart

  it('every edge patched is the corrupt run; no edge is refused', async () => {
    for (const token of await patched('--edges', '', '--complement')) {
      expect(Math.abs(token.after.logit - token.corrupt.logit)).toBeLessThan(FLOAT_STEPS);
    }
    for (const none of ['', ' , ']) {
      expect(await refusal(['patch', ...PAIR, '--model', 'ioi-mini', '--edges', none])).toMatchObject({
        code: 'invalid-option',
        fields: { option: '--edges', got: none },
      });
    }
  });

  it('tells the difference of answers and wrong answers, and with --outputs all every position', async () => {
    const args = ['patch', ...PAIR, '--answer', ' Bodo', '--edges', 'A2.1->Resid End', '--quiet'];
    const json = async (...more: string[]) => JSON.parse((await run(...args, '--json', ...more)).stdout);
    const one = await json();
    const [suri, bodo, rosa]: Watched[] = one.answers;
    for (const side of ['before', 'after', 'corrupt'] as const) {
      const expected = (suri![side].logit + bodo![side].logit) / 2 - rosa![side].logit;
      expect(one.logit_diff[side]).toBeCloseTo(expected, 12);
    }
    expect(one).not.toHaveProperty('positions');
    const all = await json('--outputs', 'all');
    expect(all.positions.map(({ position }: { position: number }) => position)).toEqual([...Array(15).keys()]);
    const { position: _, ...last } = all.positions.at(-1);
    expect(last).toEqual({ top_before: all.top_before, top_after: all.top_after });
    expect(all.top_after[0].text).toBe(one.top_after[0].text);
    expect(all.positions[2].top_before[0].text).toMatch(/ ?and/); // after "While Suri"
    const text = (await run(...args, '--outputs', 'all')).stdout;
    expect(text).toMatch(/position +token +before[\s\S]*\n +2 +"Suri" +"and"[\s\S]*at the last position/);
    expect(text).toMatch(/logit difference +answers − wrong +\S+ +\S+ +\S+ +[+-]\S+/);
  });

  it('compares the likeliest tokens of the two prompts where no answers are named', async () => {
    const swapped = PROMPT.clean.replace('Rosa handed', 'Suri handed');
    const { stdout } = await run('patch', '--clean', PROMPT.clean, '--corrupt', swapped, '--edges', 'A2.1->logits');
    expect(stdout).toMatch(/logit difference +answers − wrong +\d\S* +-\S+ /); // each prompt's own answer is the likeliest
    expect(stdout).toContain('without --answer and --wrong: the likeliest tokens of the two prompts');
  });

  it('shows tokens as text, and edges by position with --token-positions', async () => {
    const all = await patched('--edges', 'A2.3->Resid End', '--token-positions');
    const last = await patched('--edges', 'A2.3->Resid End@14', '--token-positions');
    expect(all.map(({ text }) => text.trim())).toEqual(['Suri', 'Rosa']);
    // the output is read at the last position, 14, so the others change nothing
    for (const [i, token] of all.entries()) expect(token.after.logit).toBeCloseTo(last[i]!.after.logit, 4);
    const first = await patched('--edges', 'A2.3->Resid End@3', '--token-positions');
    expect(first[0]!.after.logit).toBeCloseTo(first[0]!.before.logit, 4);
  });
});

describe('logits and dataset', () => {
  it('agree on what the model says; the header tells of BOS and of weights', async () => {
    const logits = await run('logits', '--data', 'p.json', '--json', '--top', '1');
    const { prompts } = JSON.parse(logits.stdout);
    const dataset = await run('dataset', 'p.json', '--json');
    expect(JSON.parse(dataset.stdout).clean.accuracy).toBe(prompts[0].answers[0].rank === 1 ? 1 : 0);
    expect(logits.stderr).toMatch(/p\.json · 1 prompt of 15 tokens · BOS added/);
    expect(logits.stderr).toContain('weights as they are');
    expect(dataset.stderr).toContain('fold-norm');
    expect((await run('logits', '--data', 'p.json', '--bos', 'off')).stderr).toContain('of 14 tokens · no BOS');
  });

  it('an answer of two tokens is named, with its prompt', async () => {
    await writeFile(
      join(cwd, 'two.json'),
      JSON.stringify({ prompts: [PROMPT, { ...PROMPT, answers: [' Suri and'] }] }),
    );
    const { code, stderr } = await run('dataset', 'two.json');
    expect(code).toBe(2);
    expect(stderr).toMatch(/two\.json: prompt 1: answer " Suri and" is not one token: expected one token, got 2 \(/);
  });
});
