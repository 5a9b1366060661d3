/** @file `--per-prompt`: what it keeps, what it refuses, and the same as Parquet. */
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { edgeAt, flattenScores } from '@auto-circuit/core';
import { scoresOfPrompt } from '@auto-circuit/core/plugin';
import { readFinishedRun, readPromptScores } from '@auto-circuit/core/run';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal, runMain } from './run-main.js';

const plugin = fileURLToPath(new URL('../../test-data/micro-task.mjs', import.meta.url));
const RUN = ['--task', 'micro', '--plugin', plugin, '--backend', 'interpreter', '--threads', '1', '--batch-size', '1'];
const EAP = [...RUN, '--algo', 'eap', '--edges', '3,8,20', '--keep', '8'];

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'per-prompt-command-'));
  await ok('discover', ...EAP, '--per-prompt', 'float32', '--out', 'r');
}, 120_000);
afterAll(() => rm(cwd, { recursive: true }));

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runMain(args, { cwd });
  expect(code, stderr + stdout).toBe(0);
  return stdout;
}
const refused = (...args: string[]) => refusal(args, { cwd });
const file = (folder: string) => join(cwd, folder, 'scores-by-prompt.safetensors');
/** All files of a run but its timings. */
async function files(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(join(cwd, folder))).filter((name) => name !== 'timings.json').sort();
  const entries = names.map(async (name) => [name, await readFile(join(cwd, folder, name), 'latin1')] as const);
  return Object.fromEntries(await Promise.all(entries));
}
async function tableOf(folder: string) {
  const { graph, scores } = await readFinishedRun(join(cwd, folder));
  return { graph, scores, table: readPromptScores(file(folder), graph) };
}

describe('discover --per-prompt', () => {
  it('keeps a score for each training prompt and edge, which average to the scores of the run', async () => {
    const { graph, scores, table } = await tableOf('r');
    const flat = flattenScores(graph, scores);
    const means = new Float64Array(graph.edgeCount);
    for (let p = 0; p < table.prompts; p++) {
      flattenScores(graph, scoresOfPrompt(table.read(p, p + 1), 0)).forEach((x, e) => (means[e]! += x / table.prompts));
    }
    const largest = flat.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    expect(largest).toBeGreaterThan(0);
    means.forEach((mean, e) => expect(Math.abs(mean - flat[e]!)).toBeLessThan(2 ** -22 * largest));
  });

  it('is resumed without saying it again, and is another request than a run without', async () => {
    const before = await files('r');
    await ok('discover', '--resume', '--out', 'r', '--plugin', plugin);
    expect(await files('r')).toEqual(before);
    expect(await refused('discover', ...EAP, '--per-prompt', 'float16', '--out', 'r', '--resume')).toMatchObject({
      code: 'run-exists',
      fields: { changes: ['perPrompt was "float32" and is now "float16"'] },
    });
  });

  it('refuses an algorithm that averages over nothing before any model is opened, and other values', async () => {
    expect(
      await refused(
        'discover',
        '--task',
        'micro',
        '--plugin',
        plugin,
        '--model',
        'nowhere',
        '--algo',
        'acdc',
        '--per-prompt',
        'float32',
      ),
    ).toMatchObject({ code: 'conflicting-options', fields: { algo: 'acdc' } });
    expect(await refused('compare', ...RUN, '--algos', 'eap,random', '--per-prompt', 'float32')).toMatchObject({
      code: 'conflicting-options',
      fields: { algo: 'random' },
    });
    expect(await refused('discover', ...EAP, '--per-prompt', 'int8')).toMatchObject({ code: 'invalid-option' });
  });

  it('in a plan is one piece of work, of the same bytes', async () => {
    const made = JSON.parse(
      await ok('plan', ...EAP, '--per-prompt', 'float32', '--shards', '3', '--out', 'p', '--json'),
    );
    expect(made).toMatchObject({ shards: 1, units: 1 });
    await ok('run-shard', 'p', '0');
    await ok('collect', 'p');
    expect(await files('p/result')).toEqual(await files('r'));
  });

  it('in an experiment keeps them for every cell', async () => {
    const study = { tasks: ['micro'], algos: ['eap', 'random'], settings: { perPrompt: 'float16', backend: 'interpreter' }, plugins: [plugin] }; // biome-ignore format: one line
    await writeFile(join(cwd, 'study.json'), JSON.stringify(study));
    const { code, stdout, stderr } = await runMain(['experiment', 'study.json', '--out', 'study', '--workers', '0'], {
      cwd,
    });
    expect(code).toBe(1); // random has none
    expect(stdout + stderr).toContain('random has no scores of single prompts to keep');
    const names = await readdir(join(cwd, 'study'), { recursive: true });
    expect(names.filter((name) => name.endsWith('scores-by-prompt.safetensors'))).toHaveLength(1);
  });
});

describe('convert --to parquet', () => {
  it('writes a row for each prompt and edge', async () => {
    await ok('convert', 'r', '--to', 'parquet');
    const path = join(cwd, 'r.scores-by-prompt.parquet');
    const { graph, table } = await tableOf('r');
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(path) });
    const expected = table.places.flatMap((prompt, p) =>
      Array.from(flattenScores(graph, scoresOfPrompt(table.read(p, p + 1), 0)), (score, e) => ({
        prompt,
        edge: edgeAt(graph, e).name,
        score,
      })),
    );
    expect(rows).toEqual(expected);
    expect(await refused('convert', 'r', '--to', 'parquet')).toMatchObject({ code: 'file-exists' });
    expect((await stat(path)).size).toBeGreaterThan(4 * expected.length);
  });

  it('refuses a run that kept none, and a folder that is no run', async () => {
    await ok('discover', ...EAP, '--out', 'without');
    expect(await refused('convert', 'without', '--to', 'parquet')).toMatchObject({
      code: 'no-prompt-scores',
      fields: { path: 'without' },
    });
    await cp(join(cwd, 'r', 'circuit.json'), join(cwd, 'circuit.json'));
    expect(await refused('convert', 'circuit.json', '--to', 'parquet')).toMatchObject({ code: 'no-prompt-scores' });
  });
});
