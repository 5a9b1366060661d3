/** @file `stability`: what it finds and writes, what it goes on from, what it refuses. */
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stabilitySchema } from '@auto-circuit/core/run';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refusal, runMain } from '../test/run-main.js';

const plugin = fileURLToPath(new URL('../../test-data/micro-task.mjs', import.meta.url));
const prompts = fileURLToPath(new URL('../../test-data/micro-prompts.json', import.meta.url));

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'stability-command-'));
});
afterEach(() => rm(cwd, { recursive: true }));

const run = (command: string, signal?: AbortSignal) =>
  runMain([...command.split(' '), '--plugin', plugin, '--quiet'], { cwd, ...(signal ? { signal } : {}) });
const DISCOVER = 'discover --task micro --algo eap --edges 3,6,12 --keep 6 --backend interpreter --out r';
const file = (name: string) => readFile(join(cwd, 'r', name), 'utf8');

describe('stability', () => {
  it('writes stability.json, shows it in the report, and changes nothing else of the run', async () => {
    expect((await run(DISCOVER)).code).toBe(0);
    const names = (await readdir(join(cwd, 'r'))).filter((name) => name !== 'report.html');
    const before = await Promise.all(names.map(file));
    await copyFile(prompts, join(cwd, 'words.json'));
    const { code, stdout, stderr } = await run(
      'stability r --resamples 100 --measured 3 --seeds 4 --ablations zero --paraphrases words.json',
    );
    expect([code, stderr]).toEqual([0, '']);
    expect(await Promise.all(names.map(file))).toEqual(before);
    expect((await readdir(join(cwd, 'r'))).sort()).toEqual([...names, 'report.html', 'stability.json'].sort());
    const written = stabilitySchema.parse(JSON.parse(await file('stability.json')));
    expect(written).toMatchObject({
      edges: 6,
      metric: { name: 'faithfulness' },
      resamples: { by: 'prompts', count: 100, measured: 3 },
      variations: [
        { kind: 'seed', name: '4' },
        { kind: 'ablation', name: 'zero' },
        { kind: 'paraphrases', name: 'words.json' },
      ],
      certificates: { subsets: 100 },
    });
    expect(written.listed.filter(({ kept }) => kept)).toHaveLength(6);
    expect(stdout).toMatch(
      /^the circuit of r: 6 edges\n100 resamples of \d+ prompts, each of which was scored by itself\n/,
    );
    expect(stdout).toMatch(/\nablation zero +\d/);
    expect(stdout).toMatch(/\ncertified at 95%: \d+ in, \d+ out, \d+ abstain/);
    const report = await file('report.html');
    expect(report).toContain('How the circuit holds up');
    for (const again of ['report r', 'evaluate r --metric percent-correct --edges 3'])
      expect((await run(again)).code).toBe(0);
    expect(await file('report.html')).toContain('How the circuit holds up');
  });

  it('gives one document with --json, and is replaced by a new one', async () => {
    await run(DISCOVER);
    const { stdout } = await run('stability r --resamples 20 --seeds none --metric kl --json');
    const { run: folder, ...document } = JSON.parse(stdout);
    expect(folder).toBe(join(cwd, 'r'));
    expect(stabilitySchema.parse(document)).toMatchObject({ metric: { name: 'kl', unit: 'nats' }, variations: [] });
    await run('stability r --resamples 25 --seeds none');
    expect(JSON.parse(await file('stability.json'))).toMatchObject({ resamples: { count: 25 } });
    expect((await run(`${DISCOVER} --overwrite`)).code).toBe(0);
    expect(await readdir(join(cwd, 'r'))).not.toContain('stability.json');
  });

  it('runs the algorithm on each resample where its scores are no means over prompts', async () => {
    expect((await run(DISCOVER.replace('--algo eap', '--algo random'))).code).toBe(0);
    const { code, stdout } = await run('stability r --reruns 2 --seeds none');
    expect(code).toBe(0);
    expect(stdout).toMatch(/2 resamples of \d+ prompts, on each of which the algorithm ran/);
    expect(stdout).toMatch(/nothing is certified/);
    expect(JSON.parse(await file('stability.json'))).toMatchObject({ resamples: { by: 'runs' }, certificates: null });
  });

  it('keeps what was done when it is stopped, and notices a file that was changed', async () => {
    await run(DISCOVER);
    const stopped = new AbortController();
    stopped.abort();
    const { code, stderr } = await run('stability r', stopped.signal);
    expect(code).toBe(130);
    expect(stderr).toMatch(/^interrupted: /);
    await run('stability r --resamples 20 --seeds none');
    const text = await file('stability.json');
    await writeFile(join(cwd, 'r', 'stability.json'), text.replace('"edges": 6', '"edges": 7'));
    const refused = await refusal(['report', 'r'], { cwd });
    expect(refused).toMatchObject({ code: 'run-damaged', fields: { file: 'stability.json' } });
  });

  it('refuses what it cannot do', async () => {
    await run(DISCOVER);
    const refused = (command: string) => refusal([...command.split(' '), '--plugin', plugin], { cwd });
    expect(await refused('stability .')).toMatchObject({ code: 'not-a-run' });
    for (const seeds of ['x', '0', '1,1', '1.5'])
      expect(await refused(`stability r --seeds ${seeds}`)).toMatchObject({
        code: 'invalid-option',
        fields: { option: '--seeds', got: seeds },
      });
    expect(await refused('stability r --ablations nothing')).toMatchObject({ code: 'unknown-name' });
    expect(await refused('stability r --paraphrases none.json')).toMatchObject({ code: 'file-not-found' });
    expect(await refused('stability r --metric roc-area')).toMatchObject({ fields: { option: '--metric' } });
    expect(await refused('stability r --metric kl,faithfulness')).toMatchObject({ fields: { option: '--metric' } });
    expect(await refused('stability r --deletion 1')).toMatchObject({ code: 'invalid-option' });
    expect(await readdir(join(cwd, 'r'))).not.toContain('stability.json');
  });
});
