/** @file Prompts that a task makes for a tokenizer: `dataset --generate`, and runs of such a task with the sizes that it asks for. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal, runMain } from './run-main.js';

/** A plugin of one task, for the words of the shipped model: the place is drawn, the people are always the same. */
const PLUGIN = `
const PLACES = ['bakery', 'garden', 'station', 'museum', 'bridge', 'market', 'chapel', 'stadium', 'theater', 'farm'];
const generate = ({ encoder, count, seed }) => ({
  path: 'meeting',
  kind: 'text',
  seqLabels: null,
  wordIdxs: { end: encoder.encode('While Suri and Rosa waited', { bos: false }).length },
  prompts: Array.from({ length: count }, (_, i) => {
    const at = (giver) => 'While Suri and Rosa waited at the ' + PLACES[(i + seed) % 10] + ' , ' + giver + ' handed a blanket to';
    return { clean: at('Rosa'), corrupt: at('Tamar'), answers: [' Suri'], wrongAnswers: [' Rosa'] };
  }),
});
const parted = (file) => ({ ...file, prompts: file.prompts.map((one) => ({ ...one, clean: one.clean.replace('waited', 'parted') })) });
const task = {
  kind: 'task', name: 'meeting', doc: 'one meeting at many places', model: 'ioi-mini', objective: 'logit-diff',
  data: { count: 10, seed: 3, generate }, batchSize: 2, train: 4, splitQkv: false,
};
export default { apiVersion: 1, name: 'meetings', contributes: [task, { ...task, name: 'parting', data: { count: 6, seed: 0, generate: (asked) => parted(generate(asked)) } }] };

`;
const TOKENIZER = fileURLToPath(new URL('../../../models/shipped-data/ioi-mini/', import.meta.url));
let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'made-prompts-'));
  await writeFile(join(cwd, 'meetings.mjs'), PLUGIN);
});
afterAll(() => rm(cwd, { recursive: true }));

const run = (...args: string[]) => runMain([...args, '--plugin', './meetings.mjs'], { cwd, env: {} });
interface FileOnDisk {
  readonly prompts: readonly { readonly clean: string }[];
}

describe('dataset --generate', () => {
  it('makes prompts of several tasks in turns, as many of each', async () => {
    const tokenizer = ['--tokenizer', 'ioi-mini', '--count', '3'];
    const alone = async (task: string) => JSON.parse((await run('dataset', '--generate', task, ...tokenizer)).stdout);
    const [a, b] = [(await alone('meeting')).prompts, (await alone('parting')).prompts];
    const both = await alone('meeting,parting');
    expect(both.prompts).toEqual([a[0], b[0], a[1], b[1], a[2], b[2]]);
    expect(both).not.toHaveProperty('word_idxs');
    expect(await refusal(['dataset', '--generate', 'meeting,nothing', ...tokenizer], { cwd })).toMatchObject({
      code: 'unknown-name',
    });
  });

  it('writes the prompts and tries the model on them, as on the file that it wrote', async () => {
    const made = await run('dataset', '--generate', 'meeting', '--out', 'made.json', '--json');
    expect(made).toMatchObject({ code: 0 });
    const again = await run('dataset', 'made.json', '--model', 'ioi-mini', '--json');
    expect(JSON.parse(made.stdout)).toEqual(JSON.parse(again.stdout));
    const { prompts } = JSON.parse(await readFile(join(cwd, 'made.json'), 'utf8')) as FileOnDisk;
    expect(prompts).toHaveLength(10);
    expect(prompts[0]!.clean).toContain('at the museum'); // the task's own seed is 3
  });

  it('takes a number and a seed, and with --tokenizer alone only prints', async () => {
    const args = ['--generate', 'meeting', '--tokenizer', TOKENIZER, '--count', '3', '--seed', '1'];
    const { code, stdout, stderr } = await run('dataset', ...args);
    expect([code, stderr]).toEqual([0, '']);
    const { prompts } = JSON.parse(stdout) as FileOnDisk;
    expect(prompts.map(({ clean }) => /at the (\w+)/.exec(clean)![1])).toEqual(['garden', 'station', 'museum']);
  });

  it('--only-right writes the prompts whose answer is above every wrong one, of a file too', async () => {
    const { code, stdout } = await run(
      'dataset',
      '--generate',
      'meeting',
      '--only-right',
      '--out',
      'right.json',
      '--json',
    );
    const { prompts, clean } = JSON.parse(stdout) as { prompts: number; clean: { above_wrong: number } };
    const written = async (): Promise<FileOnDisk> => JSON.parse(await readFile(join(cwd, 'right.json'), 'utf8'));
    expect([code, (await written()).prompts.length]).toEqual([0, clean.above_wrong * prompts]);
    const one = await run('dataset', 'right.json', '--model', 'ioi-mini', '--json');
    expect(JSON.parse(one.stdout).clean.above_wrong).toBe(1);
    // Answers and wrong answers of half the prompts the other way round: the model gets none of those right
    const both = (await written()).prompts;
    const turned = both.map((p) => ({ ...p, answers: [' Rosa'], wrong_answers: [' Suri'] }));
    await writeFile(join(cwd, 'mixed.json'), JSON.stringify({ prompts: turned.flatMap((p, i) => [p, both[i]]) }));
    await run('dataset', 'mixed.json', '--model', 'ioi-mini', '--only-right', '--out', 'right.json', '--quiet');
    expect((await written()).prompts).toEqual(both);
    await writeFile(join(cwd, 'wrong.json'), JSON.stringify({ prompts: turned }));
    const none = ['dataset', 'wrong.json', '--model', 'ioi-mini', '--only-right', '--out', 'none.json'];
    expect(await refusal(none, { cwd })).toMatchObject({ code: 'unfit-prompts', fields: { path: 'wrong.json' } });
  });

  it.each([
    [['p.json', '--generate', 'meeting'], 'a prompt file and --generate cannot be used together'],
    [[], 'there are no prompts to check; name a prompt file, or a task with --generate'],
    [['p.json', '--count', '3', '--model', 'micro'], '--count only works with --generate'],
    [
      ['--generate', 'meeting', '--tokenizer', 'x', '--model', 'micro'],
      '--tokenizer and --model cannot be used together',
    ],
    [
      ['--generate', 'ioi-mini', '--model', 'ioi-mini'],
      'the prompts of task "ioi-mini" come from a file and are not generated; to check them: auto-circuit dataset ',
    ],
    [['--generate', 'meeting', '--tokenizer', 'nowhere'], 'there is no folder '],
    [['--generate', 'ioi', '--tokenizer', 'ioi-mini'], 'task "ioi" does not fit this tokenizer'],
    [
      ['--generate', 'meeting', '--only-right'],
      '--only-right writes the prompts that a model gets right; give --out FILE',
    ],
    [['--generate', 'meeting', '--model', 'micro'], "are made for the model's tokenizer, and micro has none"],
    [
      ['--generate', 'ioi', '--tokenizer', TOKENIZER],
      'task "ioi" does not fit this tokenizer: too few of its names are one token',
    ],
    [['--generate', 'meting', '--model', 'micro'], 'meeting'],
  ])('%j is a mistake of the user', async (args, said) => {
    const { code, stderr } = await run('dataset', ...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(said)]);
  });
});

describe('discover --task with made prompts', () => {
  const asked = async (out: string, ...args: string[]) => {
    const { code, stderr } = await run(
      'discover',
      '--task',
      'meeting',
      '--algo',
      'eap',
      '--edges',
      '20',
      '--out',
      out,
      ...args,
    );
    expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
    return JSON.parse(await readFile(join(cwd, out, 'run.json'), 'utf8')) as {
      readonly asked: {
        readonly batchSize: number;
        readonly train: number | null;
        readonly graph: { readonly splitQkv: boolean };
      };
      readonly prompts: { readonly train: number; readonly test: number };
    };
  };

  it('has the sizes and the graph that the task asks for', async () => {
    const { asked: settings, prompts } = await asked('own');
    expect([settings.batchSize, settings.train, settings.graph.splitQkv]).toEqual([2, 4, false]);
    expect([prompts.train, prompts.test]).toEqual([4, 6]);
  });

  it('the command line wins; other prompts than the task’s are split in half', async () => {
    const { asked: settings, prompts } = await asked('other', '--limit', '8', '--batch-size', '3', '--split-qkv');
    expect([settings.batchSize, settings.train, settings.graph.splitQkv]).toEqual([3, null, true]);
    expect([prompts.train, prompts.test]).toEqual([4, 4]);
  });
});
