/** @file Prompt files as users bring them: unfit prompts, rows, another kind than the model takes, words that are likely not meant. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSafetensors } from '@auto-circuit/core/run';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refusal, runMain } from './run-main.js';

const names = ['Suri', 'Rosa', 'Tamar'];
/** Different prompts of 15 tokens, and one of them with an answer of two tokens. */
const prompt = (n: number) => {
  const [a, b] = [names[n % 3]!, names[(n + 1) % 3]!];
  const item = ['blanket', 'violin', 'basket', 'mirror'][n % 4];
  const sides = (giver: string) => `While ${a} and ${b} waited at the bakery , ${giver} handed a ${item} to`;
  return { clean: sides(b), corrupt: sides(names[(n + 2) % 3]!), answers: [` ${a}`], wrong_answers: [` ${b}`] };
};
const good = Array.from({ length: 12 }, (_, n) => prompt(n));
const bad = { ...prompt(0), answers: [' Suri and'] };

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'prompt-files-'));
});
afterEach(() => rm(cwd, { recursive: true }));

const write = (name: string, content: unknown) =>
  writeFile(join(cwd, name), typeof content === 'string' ? content : JSON.stringify(content));
const run = (...args: string[]) => runMain(args, { cwd, env: {} });
const dataset = (file: string, ...more: string[]) => run('dataset', file, '--model', 'ioi-mini', '--json', ...more);
const RUN = ['--model', 'ioi-mini', '--algo', 'random', '--edges', '10', '--keep', '10', '--quiet'];

describe('prompts that do not fit', () => {
  const prompts = [bad, ...good.slice(0, 4), bad, ...good.slice(4)];

  it('are not looked at behind --limit and at other lengths', async () => {
    await write('p.json', { prompts: [...good, bad] });
    expect((await dataset('p.json')).code).toBe(2);
    const first = await dataset('p.json', '--limit', '3');
    expect(JSON.parse(first.stdout).prompts).toBe(3);
    await write('q.json', { prompts: [...good, { ...bad, clean: 'Suri to', corrupt: 'Rosa to' }] });
    expect(JSON.parse((await dataset('q.json', '--length', '15')).stdout).prompts).toBe(12);
  });

  it('are left out and told with --skip-unfit, by dataset', async () => {
    await write('p.json', { prompts });
    const { code, stdout, stderr } = await dataset('p.json', '--skip-unfit', '--limit', '5');
    expect([code, JSON.parse(stdout).prompts]).toEqual([0, 5]);
    expect(stderr).toContain('2 prompts of p.json do not fit and are left out');
    expect(stderr).toMatch(/prompt 0: answer " Suri and" is not one token/);
    expect((await dataset('p.json')).stderr).toContain('leave them out with --skip-unfit');
  });

  it('by discover, which records it, so that resume, evaluate and verify see the same prompts', async () => {
    await write('p.json', { prompts });
    const refused = await run('discover', '--data', 'p.json', ...RUN, '--out', 'r');
    expect(refused.stderr).toMatch(/prompt 0: .*--skip-unfit leaves such prompts out/);
    const done = await run('discover', '--data', 'p.json', ...RUN, '--skip-unfit', '--out', 'r');
    expect([done.code, done.stderr]).toEqual([0, expect.stringContaining('2 prompts of p.json')]);
    const { prompts: counts, sources } = JSON.parse(await readFile(join(cwd, 'r/run.json'), 'utf8'));
    expect(counts).toMatchObject({ train: 6, test: 6, leftOut: [0, 5] });
    expect(sources.skipUnfit).toBe(true);
    await write('fit.json', { prompts: good });
    await run('discover', '--data', 'fit.json', ...RUN, '--out', 'fit');
    const measured = async (folder: string) => readFile(join(cwd, folder, 'measurements.json'), 'utf8');
    const seconds = /"seconds":[^,}]*/g;
    expect((await measured('r')).replaceAll(seconds, '')).toBe((await measured('fit')).replaceAll(seconds, ''));
    expect((await run('evaluate', 'r', '--metric', 'percent-correct', '--quiet')).code).toBe(0);
    expect((await run('verify', 'r', '--backend', 'interpreter', '--quiet')).code).toBe(0);
    const again = await run('discover', '--data', 'p.json', ...RUN, '--skip-unfit', '--out', 'r', '--resume');
    expect(again.code).toBe(0);
  }, 60_000);

  it('when none is left, it is refused', async () => {
    await write('p.json', { prompts: [bad, bad] });
    const args = ['dataset', 'p.json', '--model', 'ioi-mini', '--skip-unfit'];
    expect(await refusal(args, { cwd, env: {} })).toMatchObject({ code: 'unfit-prompts' });
  });

  it('--only-right writes those that fit and are right', async () => {
    await write('p.json', { prompts });
    const { code } = await run('dataset', 'p.json', '--model', 'ioi-mini', '--only-right', '--out', 'right.json');
    expect(code).toBe(0);
    const right = JSON.parse(await readFile(join(cwd, 'right.json'), 'utf8')).prompts;
    expect(right.length).toBeGreaterThan(0);
    expect(JSON.stringify(right)).not.toContain('Suri and"]');
  });
});

describe('rows', () => {
  it('of CSV and of JSON lines give what the same prompts in JSON do', async () => {
    await write('p.json', { prompts: good });
    const cell = (text: string) => `"${text}"`;
    const rows = good.map(({ clean, corrupt, answers, wrong_answers: wrong }) =>
      [clean, corrupt, answers[0]!, wrong[0]!].map(cell).join(','),
    );
    await write('p.csv', `clean,corrupted,correct,incorrect\n${rows.join('\n')}\n`);
    const lines = good.map(({ clean, corrupt, answers, wrong_answers: wrong }) =>
      JSON.stringify({ clean_prefix: clean, patch_prefix: corrupt, clean_answer: answers[0], patch_answer: wrong[0] }),
    );
    await write('p.jsonl', lines.join('\n'));
    const expected = JSON.parse((await dataset('p.json')).stdout);
    for (const name of ['p.csv', 'p.jsonl']) expect(JSON.parse((await dataset(name)).stdout)).toEqual(expected);
    const csv = await run('discover', '--data', 'p.csv', ...RUN, '--out', 'r');
    expect(csv.code).toBe(0);
  });
});

describe('what is likely not meant', () => {
  it('floats for a model of tokens: the sentence names file, prompt and field', async () => {
    await write('f.json', { prompts: [{ clean: [[0.5]], corrupt: [[1]], answers: [0] }] });
    const { stderr } = await dataset('f.json');
    expect(stderr).toMatch(/f\.json: prompts\[0\]\.clean is not what model "ioi-mini" takes/);
    await write('t.json', { prompts: [{ clean: [1], corrupt: [2], answers: [0] }] });
    const other = await run('dataset', 't.json', '--model', 'micro');
    expect(other.stderr).toMatch(/t\.json: prompts\[0\]\.clean .*expected a list of 2 floats/);
  });

  it('unknown words, answers without a space, and a file beside a task', async () => {
    const odd = { ...prompt(1), clean: prompt(1).clean.replace('bakery', 'zeppelin'), answers: ['Rosa'] };
    await write('p.json', { prompts: [odd, ...good] });
    const { code, stderr } = await run('discover', '--task', 'ioi-mini', '--data', 'p.json', ...RUN, '--out', 'r');
    expect(code).toBe(0);
    expect(stderr).toMatch(/1 prompt has words that the tokenizer does not know, such as "zeppelin" of prompt 0/);
    expect(stderr).toMatch(/1 prompt has an answer without a space before it, such as "Rosa" of prompt 0/);
    const header = await run('discover', '--task', 'ioi-mini', '--data', 'p.json', ...RUN.slice(0, -1));
    expect(header.stderr).toContain('p.json, not the prompts of task ioi-mini');
    expect(header.code).toBe(0);
    expect(
      JSON.parse(await readFile(join(cwd, 'runs/p-ioi-mini-random-edges-10-keep-10/run.json'), 'utf8')).asked.data.name,
    ).toBe('p.json');
  });

  it('wrong answers outside the vocabulary are refused only where something reads them', async () => {
    await write('p.json', { prompts: good.map((one) => ({ ...one, wrong_answers: [50_000] })) });
    const { code, stdout, stderr } = await dataset('p.json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout).clean).toMatchObject({ above_wrong: null, logit_diff: null });
    expect(stderr).toMatch(/12 prompts with wrong answers outside the vocabulary/);
    const unread = ['--objective', 'answer-logit', '--metric', 'kl', '--algo', 'eap'];
    const passed = await run('discover', '--data', 'p.json', ...RUN, ...unread, '--out', 'kl');
    expect(passed.code).toBe(0);
    const read = await run('discover', '--data', 'p.json', ...RUN, '--out', 'diff');
    expect(read.stderr).toMatch(/outside the vocabulary/);
  });
});

describe('logits --all-positions', () => {
  it('of several lengths has a tensor for each, and says whose rows they are', async () => {
    const short = { ...prompt(0), clean: 'Suri handed a violin to', corrupt: 'Rosa handed a violin to' };
    await write('p.json', { prompts: [good[0], short, good[1]] });
    const args = ['logits', '--model', 'ioi-mini', '--data', 'p.json', '--quiet', '--json'];
    const all = await run(...args, '--all-positions', '--out', 'all.safetensors');
    expect(all.code).toBe(0);
    const file = openSafetensors(join(cwd, 'all.safetensors'));
    const shapes = Object.fromEntries([...file.tensors].map(([name, { shape }]) => [name, shape.slice(0, 2)]));
    expect(shapes).toEqual({ logits_6: [1, 6], logits_15: [2, 15], prompts_6: [1], prompts_15: [2] });
    expect([...file.read('prompts_15')]).toEqual([0, 2]);
    await run(...args, '--out', 'last.safetensors');
    const last = openSafetensors(join(cwd, 'last.safetensors'));
    const size = last.tensors.get('logits')!.shape[1]!;
    // the last row of prompt 2 is the last of its tensor; micro-batches of other sizes round float32 differently
    const [own, expected] = [file.read('logits_15').slice(-size), last.read('logits').slice(2 * size)];
    for (const [i, value] of expected.entries()) expect(own[i]).toBeCloseTo(Number(value), 4);
  });
});

describe('a tokenizer as Llama 2 has it', () => {
  /** `▁` before a text and for spaces, no pre-tokenizer; every word of these prompts is one token behind a space. */
  async function llama(words: readonly string[]): Promise<void> {
    const merges: [string, string][] = [];
    const vocab = new Map(
      ['<unk>', '<s>', '▁', ...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,.:()"_\n'].map((piece, i) => [
        piece,
        i,
      ]),
    );
    for (const word of words) {
      for (let end = 1, left = '▁'; end <= word.length; end++) {
        const joined = left + word[end - 1];
        if (!vocab.has(joined)) {
          vocab.set(joined, vocab.size);
          merges.push([left, word[end - 1]!]);
        }
        left = joined;
      }
    }
    const normalizers = [
      { type: 'Prepend', prepend: '▁' },
      { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    ];
    const decoders = [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
      { type: 'Fuse' },
      { type: 'Strip', content: ' ', start: 1, stop: 0 },
    ];
    await mkdir(join(cwd, 'llama'));
    await write('llama/tokenizer.json', {
      version: '1.0',
      added_tokens: [],
      normalizer: { type: 'Sequence', normalizers },
      pre_tokenizer: null,
      post_processor: null,
      decoder: { type: 'Sequence', decoders },
      model: { type: 'BPE', unk_token: '<unk>', vocab: Object.fromEntries(vocab), merges },
    });
  }

  it('fits the tasks: an answer is what it adds to its prompt', async () => {
    const text = await readFile(new URL('../../../tasks/src/sva/generate.ts', import.meta.url), 'utf8');
    await llama([...new Set(text.match(/[A-Za-z]+/g))]);
    const { code, stdout, stderr } = await run('dataset', '--generate', 'sva', '--tokenizer', 'llama', '--count', '20');
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout).prompts).toHaveLength(20);
  });
});
