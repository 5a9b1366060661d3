/** @file `discover` on the micro model: folders, resuming, settings, what is refused. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../cli.js';
import { refusal, runMain } from '../test/run-main.js';

const plugin = fileURLToPath(new URL('../../test-data/micro-task.mjs', import.meta.url));

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'discover-command-'));
});
afterEach(() => rm(cwd, { recursive: true }));

async function run(command: string, more: readonly string[] = [], signal = new AbortController().signal) {
  const text = { out: '', err: '' };
  const code = await main([...command.split(' '), ...more, '--plugin', plugin], {
    stdout: { write: (chunk) => (text.out += chunk) },
    stderr: { write: (chunk) => (text.err += chunk) },
    cwd,
    env: {},
    signal,
  });
  return { code, ...text };
}
const DISCOVER = 'discover --task micro --algo eap --backend interpreter';
const files = async (folder: string) =>
  Object.fromEntries(
    await Promise.all(
      (await readdir(join(cwd, folder)))
        .filter((name) => name !== 'timings.json')
        .map(async (name) => [name, await readFile(join(cwd, folder, name), 'latin1')] as const),
    ),
  );

describe('discover', () => {
  it('writes a run folder and says what it found, in three header lines and tables', async () => {
    const { code, out, err } = await run(`${DISCOVER} --out r`);
    expect(err.trim().split('\n')).toEqual([
      expect.stringMatching(/^model {3}micro · 7 sources, 7 destinations, 25 edges · weights as they are$/),
      expect.stringMatching(/^task {4}micro · 16 prompts of 2 tokens$/),
      expect.stringMatching(/^backend interpreter/),
      'warning: circuits were measured on only 8 prompts, too few to mean much',
    ]);
    expect(code).toBe(0);
    expect(out).toMatch(/^\d+ of 25 edges kept, faithfulness (0\.9|1\.0)/);
    expect(out).toMatch(/edge +score +± error\n/);
    expect(out).toMatch(/Resid Start->/);
    expect(out).toMatch(/edges +connected +faithfulness +kl \(nats\) +logit-diff \(logits?\)/);
    expect(out).toMatch(/next {4}auto-circuit \w+ r/);
    expect(Object.keys(await files('r')).sort()).toEqual([
      'checksums.json',
      'circuit.json',
      'measurements.json',
      'report.html',
      'run.json',
      'scores.safetensors',
      'standard-errors.safetensors',
    ]);
  });

  it('gives one JSON document with the names that scripts lean on', async () => {
    const { out, code } = await run(`${DISCOVER} --out r --json --quiet --edges 5,10 --keep 5 --metric kl`);
    expect(code).toBe(0);
    const document = JSON.parse(out);
    expect(Object.keys(document)).toEqual([
      'run',
      'task',
      'model',
      'algo',
      'edges_total',
      'interval_factor',
      'circuit',
      'measurements',
      'seconds',
      'memory_mb',
    ]);
    expect(document).toMatchObject({
      run: join(cwd, 'r'),
      task: 'micro',
      model: 'micro',
      algo: 'eap',
      edges_total: 25,
    });
    expect(document.circuit).toHaveLength(5);
    expect(document.circuit[0]).toEqual({ edge: expect.stringContaining('->'), score: expect.any(Number) });
    expect(document.measurements).toEqual([
      expect.objectContaining({
        metric: 'kl',
        points: [expect.objectContaining({ edges: 5 }), expect.objectContaining({ edges: 10 })],
      }),
    ]);
    expect(Object.keys(document.seconds)).toEqual(['load', 'score', 'measure']);
  });

  it('stops on Ctrl-C with 130 and the work kept; --resume gives the files of a run that was not stopped', async () => {
    await run(`${DISCOVER} --out whole`);
    const controller = new AbortController();
    controller.abort();
    const stopped = await run(`${DISCOVER} --out r`, [], controller.signal);
    expect([stopped.code, stopped.err]).toEqual([
      130,
      expect.stringMatching(
        /interrupted: \[discover\] stopped; finished work is saved in r; to continue: auto-circuit discover --resume --out r/,
      ),
    ]);
    expect((await run(`${DISCOVER} --out r --resume`)).code).toBe(0);
    expect(await files('r')).toEqual(await files('whole'));
  });

  it('says of sizes, errors and signs only what there is', async () => {
    const list = '0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,20,25';
    const asked = await run(`discover --task micro --algo random --backend interpreter --out a --edges ${list}`);
    expect(asked.out.match(/^ *\d+ +\d+ +-?\d+\.\d{4} /gm)).toHaveLength(19);
    expect(asked.out).not.toMatch(/± error|supports the answer|measurements\.json/);
    const all = await run('discover --task micro --algo eap --backend interpreter --out b --edges all');
    const rows = all.out.match(/^ *\d+ +\d+ +-?\d+\.\d{4} /gm)!.length;
    const { measurements } = JSON.parse((await run(`${DISCOVER} --out b --edges all --resume --json`)).out);
    expect(all.out).toContain(`and ${measurements[0].points.length - rows} sizes more in measurements.json`);
    expect(all.out).toMatch(/; a positive score supports the answer|^a positive score supports the answer/m);
  });

  it("takes AutoCircuit's names, with options of one's own over theirs", async () => {
    const { code, out } = await run('discover --task micro --backend interpreter --json --out p', [
      ...['--algo', 'Edge Answer Log Prob Gradient At Clean', '--algo.answers', 'diff'],
    ]);
    expect(code).toBe(0);
    const { asked } = JSON.parse(await readFile(join(JSON.parse(out).run, 'run.json'), 'utf8'));
    expect(asked.algo).toMatchObject({ name: 'mask-gradient', options: { tokenFunction: 'logprob', answers: 'diff' } });
    // One of these aims at the size of the known circuit, one is that circuit: the task has one of one edge.
    const of = async (algo: string) => {
      const result = await run(
        'discover --task micro --backend interpreter --json --edges 1 --keep 1 --out k --overwrite',
        [...['--algo', algo, ...(algo === 'Circuit Probing' ? ['--algo.epochs', '1'] : [])]],
      );
      return JSON.parse(await readFile(join(JSON.parse(result.out).run, 'run.json'), 'utf8')).asked.algo;
    };
    expect(await of('Circuit Probing')).toMatchObject({ name: 'circuit-probing', options: { sizes: '1' } });
    expect(await of('Official Circuit')).toEqual({ name: 'known-edges', options: { edges: 'Resid Start->Resid End' } });
    const data = fileURLToPath(new URL('../../test-data/micro-prompts.json', import.meta.url));
    const without = (algo: string) =>
      run(`discover --data ${data} --model micro --backend interpreter`, ['--algo', algo]);
    expect((await without('Circuit Probing')).err).toMatch(/aims at the size of the known circuit.*got none/);
    expect((await without('Official Circuit')).err).toMatch(/is the known circuit, and none is known here/);
  });

  it('refuses in one sentence what it cannot do', async () => {
    const refused = (command: string) => refusal([...command.split(' '), '--plugin', plugin], { cwd });
    const missing = (option: string) => ({ code: 'missing-option', fields: { option } });
    const unfit = (option: string, got: string) => ({ code: 'invalid-option', fields: { option, got } });
    expect(await refused('discover --algo eap')).toMatchObject(missing('--task'));
    expect(await refused('discover --task micro')).toMatchObject(missing('--algo'));
    expect(await refused('discover --task micro --algo epa')).toMatchObject({
      code: 'unknown-name',
      fields: { what: 'pruning algorithm', name: 'epa', nearest: ['eap'] },
    });
    expect(await refused(`${DISCOVER} --edges ten`)).toMatchObject(unfit('--edges', 'ten'));
    expect((await refused(`${DISCOVER} --edges 26`)).message).toMatch(/from 0 to 25, got 26/);
    expect(await refused(`${DISCOVER} --keep most`)).toMatchObject({
      ...unfit('--keep', 'most'),
      expected: 'auto, or a whole number from 0',
    });
    expect(await refused(`${DISCOVER} --edges 3 --threshold 1`)).toMatchObject({
      code: 'conflicting-options',
      fields: { options: ['--edges', '--threshold'] },
    });
    expect((await refused(`${DISCOVER} --patch-type edge --ablation zero`)).fix).toMatch(/--force/);
    await run(`${DISCOVER} --out r`);
    const there = await refused(`${DISCOVER} --out r`);
    expect(there.message).toMatch(/already holds a finished run/);
    expect(there.fix).toBe('--resume shows it, --overwrite replaces it, or --out chooses another folder');
    const changed = await refused(`${DISCOVER} --out r --resume --seed 4`);
    expect(changed.message).toMatch(/a run with other settings: seed was 0 and is now 4/);
    expect(changed.fix).toBe('give the same settings, choose another --out, or replace it with --overwrite');
  });

  it('goes on with no run whose plugin has changed since', async () => {
    const url = JSON.stringify(pathToFileURL(plugin).href);
    await writeFile(join(cwd, 'other.mjs'), `import './note.mjs';\nexport { default } from ${url};`);
    await writeFile(join(cwd, 'note.mjs'), '');
    const other = ['--plugin', join(cwd, 'other.mjs')];
    const runOther = (more: string[]) => runMain([...`${DISCOVER} --out r`.split(' '), ...other, ...more], { cwd });
    expect((await runOther([])).code).toBe(0);
    expect((await runOther(['--resume'])).code).toBe(0);
    await writeFile(join(cwd, 'note.mjs'), '// changed');
    const { code, stderr } = await runOther(['--resume']);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /holds a run with other settings: plugins\.[\w-]+ was "[0-9a-f]{16}" and is now "[0-9a-f]{16}"/,
    );
  });
});
