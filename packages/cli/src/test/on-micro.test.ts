/** @file The commands that run a model, on the micro model: every layer multiplies a residual of two numbers by (5, 7). */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSafetensors } from '@auto-circuit/core/run';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refusal, runMain } from './run-main.js';

let cwd: string;
const PROMPTS = [
  {
    clean: [
      [1, 2],
      [3, 4],
    ],
    corrupt: [
      [0, 1],
      [2, 2],
    ],
    answers: [1],
    wrong_answers: [0],
  },
  {
    clean: [
      [1, 1],
      [4, 1],
    ],
    corrupt: [
      [1, 1],
      [1, 1],
    ],
    answers: [1],
    wrong_answers: [0],
  },
];
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'on-micro-'));
  await writeFile(join(cwd, 'p.json'), JSON.stringify({ prompts: PROMPTS }));
});
afterEach(() => rm(cwd, { recursive: true }));

const run = (...args: string[]) => runMain([...args, '--backend', 'interpreter'], { cwd });

describe('logits', () => {
  it('writes the last position, by hand: (3, 4) → (75, 196), (4, 1) → (100, 49)', async () => {
    const { code, stdout, stderr } = await run(
      'logits',
      '--model',
      'micro',
      '--data',
      'p.json',
      '--out',
      'l.safetensors',
    );
    expect(code).toBe(0);
    const file = openSafetensors(join(cwd, 'l.safetensors'));
    expect(file.tensors.get('logits')!.shape).toEqual([2, 2]);
    expect([...file.read('logits')]).toEqual([75, 196, 100, 49]);
    expect(file.metadata).toMatchObject({ model: 'micro', side: 'clean', processing: 'none' });
    expect(stdout).toMatch(/^ +0 +1 196\.0 +0 75\.00 +1 196\.0 \(rank 1\)$/m);
    expect(stderr.split('\n').map((line) => line.slice(0, 8).trim())).toEqual(['model', 'task', 'backend', '']);
    expect(stderr).toContain('p.json · 2 prompts of 2 tokens');
  });

  it('--all-positions, --side corrupt, --json alone on stdout', async () => {
    const out = await run(
      'logits',
      '--model',
      'micro',
      '--data',
      'p.json',
      '--side',
      'corrupt',
      '--all-positions',
      '--out',
      'a',
      '--json',
      '--quiet',
      '--batch-size',
      '1',
    );
    expect([out.code, out.stderr]).toEqual([0, '']);
    const file = openSafetensors(join(cwd, 'a'));
    expect(file.tensors.get('logits')!.shape).toEqual([2, 2, 2]);
    expect([...file.read('logits')]).toEqual([0, 49, 50, 98, 25, 49, 25, 49]);
    const { prompts } = JSON.parse(out.stdout);
    expect(prompts[0].top).toEqual([
      { id: 1, text: '1', logit: 98, probability: 1 / (1 + Math.exp(-48)), rank: 1 },
      { id: 0, text: '0', logit: 50, probability: expect.closeTo(Math.exp(-48), 30), rank: 2 },
    ]);
  });

  it('an aborted run ends with 130 and leaves no file', async () => {
    const signal = AbortSignal.abort();
    const args = [
      'logits',
      '--model',
      'micro',
      '--data',
      'p.json',
      '--all-positions',
      '--out',
      'x',
      '--backend',
      'interpreter',
    ];
    const { code, stderr } = await runMain(args, { cwd, signal });
    expect([code, existsSync(join(cwd, 'x'))]).toEqual([130, false]);
    expect(stderr).toMatch(/interrupted: stopped by Ctrl-C\n$/);
  });
});

describe('patch', () => {
  const pair = [
    'patch',
    '--model',
    'micro',
    '--clean',
    '[[1,2],[3,4]]',
    '--corrupt',
    '[[0,1],[2,2]]',
    '--answer',
    '1',
    '--wrong',
    '0',
    '--json',
  ];
  const patched = async (...args: string[]) => {
    const { stdout, stderr, code } = await run(...pair, ...args);
    expect([code, stderr.includes('error')]).toEqual([0, false]);
    const result = JSON.parse(stdout);
    const logits = (when: string) => [1, 0].map((i) => result.answers[i][when].logit);
    return { result, before: logits('before'), after: logits('after'), corrupt: logits('corrupt') };
  };

  it('one edge carries the corrupt output: (75, 196) − (3, 8) + (2, 4)', async () => {
    const { before, after, corrupt, result } = await patched('--edges', 'B0.0->Resid End');
    expect([before, corrupt, after]).toEqual([
      [75, 196],
      [50, 98],
      [74, 192],
    ]);
    expect([result.edges_patched, result.edges_total]).toEqual([1, 13]);
  });

  it('--ablation zero takes it away; --reverse runs the corrupt prompt', async () => {
    expect((await patched('--edges', 'B0.0->Resid End', '--ablation', 'zero')).after).toEqual([72, 188]);
    expect((await patched('--edges', 'B0.0->Resid End', '--reverse')).after).toEqual([51, 102]);
  });

  it('--complement patches all the others: with every edge named nothing changes', async () => {
    expect((await patched('--edges', 'Resid Start->Resid End', '--complement')).after).toEqual([50 + 1, 98 + 2]);
    const all = ['Resid Start', 'B0.0', 'B0.1', 'B1.0', 'B1.1'].map((source) => `${source}->Resid End`);
    for (const head of ['B0.0', 'B0.1', 'B1.0', 'B1.1']) all.push(`Resid Start->${head}`);
    for (const head of ['B1.0', 'B1.1']) all.push(`B0.0->${head}`, `B0.1->${head}`);
    const { after, result } = await patched('--edges', all.join(', '), '--complement');
    expect([after, result.edges_patched]).toEqual([[75, 196], 0]);
  });

  it('says what is wrong with edges, prompts and answers', async () => {
    const refused = (...args: string[]) => refusal(args, { cwd });
    expect((await refused(...pair, '--edges', 'B0.9->Resid End')).message).toContain('did you mean "B0.0"');
    expect(await refused(...pair, '--edges', 'B0.0->Resid End', '--answer', '7')).toMatchObject({
      code: 'token-out-of-range',
      fields: { token: 7, size: 2 },
    });
    const text = ['patch', '--model', 'micro', '--clean', 'hello', '--corrupt', '[1]', '--edges', 'x'];
    expect(await refused(...text)).toMatchObject({
      code: 'no-tokenizer',
      fields: { option: '--clean', got: 'hello' },
    });
  });
});

describe('dataset', () => {
  it('accuracy and logit difference, by hand', async () => {
    const { code, stdout } = await run('dataset', 'p.json', '--model', 'micro', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      prompts: 2,
      lengths: { 2: 2 },
      answers: { 1: 2 },
      wrong_answers: { 1: 2 },
      identical_pairs: 0,
      clean: { accuracy: 0.5, above_wrong: 0.5, logit_diff: (121 - 51) / 2, logit_diff_error: (121 + 51) / 2 },
      corrupt: { accuracy: 1, above_wrong: 1, logit_diff: (48 + 24) / 2, logit_diff_error: 12 },
    });
  });

  it('lists what is wrong with each prompt', async () => {
    const longer = { ...PROMPTS[0], corrupt: [[1, 2]] };
    const text = { prompts: [PROMPTS[0], longer, longer] };
    await writeFile(join(cwd, 'bad.json'), JSON.stringify(text));
    const { code, stdout, stderr } = await run('dataset', 'bad.json', '--model', 'micro');
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('bad.json: prompt 1: clean and corrupt have different lengths');
    expect(stderr).toContain('bad.json: prompt 2: clean and corrupt have different lengths');
    expect(stderr).toContain('2 of 3 prompts of bad.json do not fit the model');
  });
});

describe('model', () => {
  it('counts nodes and edges of every graph', async () => {
    const { stdout } = await runMain(['model', 'micro', '--json']);
    const { graphs, parameters, layout } = JSON.parse(stdout);
    expect(graphs).toEqual({
      heads: { sources: 5, destinations: 5, edges: 13 },
      'residual graph': { sources: 6, destinations: 2, edges: 6 },
    });
    expect([parameters, layout.kind]).toEqual([8, 'staged']);
  });
});

describe('convert', () => {
  const layout = { kind: 'transformer', layers: 1, heads: 2, kvHeads: 2, dModel: 8, mlp: true, parallel: false };
  const options = { factorized: true, splitQkv: true, positions: null, kvInputs: 'query-head' };

  it('a circuit to EAP-IG and back is the same circuit with the same scores', async () => {
    const edges = [
      { edge: 'A0.1->Resid End', score: -0.5 },
      { edge: 'Resid Start->A0.0.Q', score: 0.25 },
    ];
    const circuit = { graph: { layout, options, edges: 13 }, edges };
    await writeFile(join(cwd, 'circuit.json'), JSON.stringify(circuit));
    const there = await runMain(['convert', 'circuit.json', '--to', 'eap-ig'], { cwd });
    expect([there.stderr, there.code]).toEqual(['', 0]);
    const json = JSON.parse(await readFile(join(cwd, 'circuit.eap-ig.json'), 'utf8'));
    expect(json.edges['a0.h1->logits']).toEqual({ score: -0.5, in_graph: true });
    expect(json.edges['input->m0']).toEqual({ score: 0, in_graph: false });
    const back = await runMain(['convert', 'circuit.eap-ig.json', '--to', 'auto-circuit', '--out', 'own'], { cwd });
    expect(back.code).toBe(0);
    expect(JSON.parse(await readFile(join(cwd, 'own', 'circuit.json'), 'utf8'))).toEqual(circuit);
    const again = ['convert', 'circuit.eap-ig.json', '--to', 'auto-circuit', '--out', 'own'];
    expect(await refusal(again, { cwd })).toMatchObject({
      code: 'file-exists',
      fix: 'choose another --out, or give --overwrite',
    });
    const mib = await runMain(
      ['convert', 'circuit.json', '--to', 'mib', '--name', 'ioi_tiny', '--out', 'mib', '--json'],
      { cwd },
    );
    expect(JSON.parse(mib.stdout)).toMatchObject({
      written: [join(cwd, 'mib', 'ioi_tiny', 'importances.json')],
      circuit: 2,
    });
    const fromMib = await runMain(['convert', 'mib/ioi_tiny', '--to', 'eap-ig', '--out', 'm.json'], { cwd });
    expect(fromMib.code).toBe(0);
    expect(JSON.parse(await readFile(join(cwd, 'm.json'), 'utf8'))).toEqual(json);
  });
});

describe('discover at every position', () => {
  const SIDES = { answers: [[1], [1]], wrong_answers: [[0], [0]] };
  const asked = [
    '--data',
    'q.json',
    '--model',
    'micro',
    '--algo',
    'eap',
    '--test',
    'same',
    '--train',
    '2',
    '--outputs',
    'all',
  ];
  beforeEach(() =>
    writeFile(join(cwd, 'q.json'), JSON.stringify({ prompts: PROMPTS.map((prompt) => ({ ...prompt, ...SIDES })) })),
  );

  it('measures the mean over positions, by hand; evaluate and verify read the same positions', async () => {
    const { code, stdout } = await run('discover', ...asked, '--keep', '3', '--edges', 'all', '--out', 'r', '--json');
    expect(code).toBe(0);
    // (1, 2), (3, 4) → (25, 98), (75, 196): 73 and 121; (1, 1), (4, 1) → (25, 49), (100, 49): 24 and −51
    const { measurements } = JSON.parse(stdout) as { measurements: { metric: string; model: number }[] };
    expect(measurements.find(({ metric }) => metric === 'logit-diff')?.model).toBe(
      ((73 + 121) / 2 + (24 - 51) / 2) / 2,
    );
    const evaluated = await run('evaluate', 'r', '--metric', 'answer-logit', '--json');
    expect(evaluated.code).toBe(0);
    const added = (JSON.parse(evaluated.stdout) as { measurements: { metric: string; model: number }[] }).measurements;
    const answers = added.find(({ metric }) => metric === 'answer-logit');
    expect(answers?.model).toBe((98 + 196 + 49 + 49) / 4);
    const verified = await run('verify', 'r');
    expect(verified.code).toBe(0);
  });

  it('wants answers for each of them', async () => {
    const { code, stderr } = await run('discover', ...asked.with(1, 'p.json'), '--out', 'r');
    expect(code).toBe(2);
    expect(stderr).toMatch(/prompt 0 does not have answers for every position that is read/);
  });
});
