/** @file `--spans`: edges for each role of tokens, in prompts of two lengths. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal, runMain } from './run-main.js';

let cwd: string;
/** The last position is all that the micro model reads; what stands before differs in length. */
const side = (before: number, own: readonly number[]) => [...Array(before).fill([7, 7]), own];
const PROMPTS = Array.from({ length: 8 }, (_, i) => ({
  clean: side(1 + (i % 2), [1 + i, 2]),
  corrupt: side(1 + (i % 2), [i % 3, 1]),
  answers: [1],
  wrong_answers: [0],
}));
const write = (name: string, value: unknown) => writeFile(join(cwd, name), JSON.stringify(value));
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'spans-'));
  await write('p.json', { prompts: PROMPTS });
  await write('alone.json', {
    prompts: PROMPTS.map((prompt) => ({ ...prompt, clean: prompt.clean.slice(-1), corrupt: prompt.corrupt.slice(-1) })),
  });
  await write('s.json', {
    spans: ['before', 'end'],
    prompts: PROMPTS.map(({ clean }) => clean.map((_, i) => (i < clean.length - 1 ? 'before' : 'end'))),
  });
});
afterAll(() => rm(cwd, { recursive: true }));

const COMMON = ['--model', 'micro', '--backend', 'interpreter', '--algo', 'eap', '--edges', '3,5', '--keep', '5'];
const discover = (...more: string[]) => runMain(['discover', ...COMMON, ...more], { cwd });
const json = async (folder: string, file: string) => JSON.parse(await readFile(join(cwd, folder, file), 'utf8'));

describe('--spans', { timeout: 120_000 }, () => {
  it('gives each role its edges: here those of the last one are those of the last token alone', async () => {
    expect(await discover('--data', 'p.json', '--spans', 's.json', '--out', 'by-span')).toMatchObject({ code: 0 });
    expect(await discover('--data', 'alone.json', '--out', 'alone')).toMatchObject({ code: 0 });
    const [own, alone] = [await json('by-span', 'run.json'), await json('alone', 'run.json')];
    expect(own.graph.edges).toBe(2 * alone.graph.edges);
    expect(own.prompts).toMatchObject({ labels: ['before', 'end'], lengths: { 2: 4, 3: 4 } });
    const names = async (folder: string): Promise<string[]> =>
      (await json(folder, 'circuit.json')).edges.map(({ edge }: { readonly edge: string }) => edge);
    expect(await names('by-span')).toEqual((await names('alone')).map((name) => `${name}@1`));
  });

  it('is known to a run, which is evaluated and gone on with as it was', async () => {
    const evaluated = await runMain(['evaluate', 'by-span', '--metric', 'kl', '--backend', 'interpreter'], { cwd });
    expect(evaluated.code).toBe(0);
    expect(evaluated.stderr).toContain('26 edges at 2 positions');
    const again = await discover('--data', 'p.json', '--spans', 's.json', '--out', 'by-span', '--resume');
    expect(again.code).toBe(0);
    // other roles are another run
    await write('t.json', { spans: ['before', 'end'], lengths: { 2: ['end', 'end'], 3: ['before', 'end', 'end'] } });
    const other = ['discover', ...COMMON, '--data', 'p.json', '--spans', 't.json', '--out', 'by-span'];
    expect(await refusal(other, { cwd })).toMatchObject({ code: 'run-exists' });
  });

  it.each([
    [['--spans', 'none.json'], 'file-not-found', { path: 'none.json' }],
    [['--spans', 'p.json'], 'invalid-file', { path: 'p.json' }],
    [['--spans', 's.json', '--token-positions'], 'conflicting-options', { options: ['--spans', '--token-positions'] }],
    [['--spans', 's.json', '--shared-prefix'], 'conflicting-options', { options: ['--spans', '--shared-prefix'] }],
  ])('%j is refused', async (more, code, fields) => {
    const args = ['discover', ...COMMON, '--data', 'p.json', ...more];
    expect(await refusal(args, { cwd })).toMatchObject({ code, fields });
  });

  it('wants a span for each token of each prompt', async () => {
    await write('short.json', { spans: ['a'], prompts: [['a', 'a'], ['a', 'a']] }); // biome-ignore format: a line
    const args = ['discover', ...COMMON, '--data', 'p.json', '--spans', 'short.json'];
    expect(await refusal(args, { cwd })).toMatchObject({ code: 'invalid-prompt', fields: { prompt: 1 } });
  });
});
