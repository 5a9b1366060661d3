/** @file `compare` on the micro model. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal, runMain } from '../test/run-main.js';

const plugin = fileURLToPath(new URL('../../test-data/micro-task.mjs', import.meta.url));
let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'compare-command-'));
});
afterAll(() => rm(cwd, { recursive: true }));

const line = (args: readonly string[]) => [
  'compare',
  '--task',
  'micro',
  '--backend',
  'interpreter',
  '--plugin',
  plugin,
  ...args,
];
const run = (...args: string[]) => runMain(line(args), { cwd, env: {} });
const refused = (...args: string[]) => refusal(line(args), { cwd });

describe('compare', () => {
  it('makes a run folder for each algorithm and says what they have in common', async () => {
    const args = [
      '--algos',
      'eap, random,Edge Attribution Patching,eap',
      '--edges',
      '0,5,25',
      '--keep',
      '5',
      '--out',
      'c',
    ];
    const { code, stdout, stderr } = await run(...args);
    expect([code, stderr]).toEqual([0, expect.stringContaining('random in c/random')]);
    expect((await readdir(join(cwd, 'c'))).sort()).toEqual([
      'compare.json',
      'eap',
      'edge-attribution-patching',
      'random',
      'report.html',
    ]);
    expect(stdout).toMatch(/^algorithm +edges +faithfulness +scores took +circuits took +ROC area$/m);
    expect(stdout).toMatch(/^ *edges +eap +random +edge-attribution-patching\n +0 +0\.0000 +0\.0000 +0\.0000\n/m);
    const found = JSON.parse(await readFile(join(cwd, 'c', 'compare.json'), 'utf8'));
    expect(found.overlap.edges).toBe(Math.min(...found.runs.map((one: { edges_kept: number }) => one.edges_kept)));

    // The numbers are those of the runs themselves.
    const eap = JSON.parse(await readFile(join(cwd, 'c', 'eap', 'measurements.json'), 'utf8'));
    const sizes = found.sizes as { edges: number; values: number[] }[];
    const five = eap[0].points.find((point: { edges: number }) => point.edges === 5);
    expect(sizes.find(({ edges }) => edges === 5)?.values[0]).toBe(five.faithfulness);
    const edgesOf = async (name: string): Promise<Set<string>> => {
      const circuit = JSON.parse(await readFile(join(cwd, 'c', name, 'circuit.json'), 'utf8'));
      return new Set(circuit.edges.map(({ edge }: { edge: string }) => edge));
    };
    const [a, b] = [await edgesOf('eap'), await edgesOf('random')];
    const both = [...a].filter((edge) => b.has(edge)).length;
    expect([a.size, b.size]).toEqual([5, 5]);
    expect(found.overlap.jaccard[0]).toEqual([1, both / (10 - both), expect.any(Number)]);

    expect((await run(...args)).stderr).toMatch(/already holds a finished run; --resume shows it/);
    const again = await run(...args, '--resume', '--json');
    expect(JSON.parse(again.stdout)).toEqual(found);
  });

  it('leaves a place empty where ties give a run no circuit of that size', async () => {
    const { stdout } = await run(
      '--algos',
      'eap,random,Act Mag',
      '--edges',
      '5,25',
      '--keep',
      '25',
      '--out',
      'e',
      '--json',
    );
    const { runs, sizes } = JSON.parse(stdout);
    expect(runs.map(({ name }: { name: string }) => name)).toEqual(['eap', 'random', 'act-mag']);
    // Edges of one source have one activation, and there are no 5 edges of whole sources.
    expect(sizes).toEqual([
      { edges: 5, values: [expect.any(Number), expect.any(Number), null] },
      { edges: 25, values: [1, 1, 1] },
    ]);
    await rm(join(cwd, 'e'), { recursive: true });
  });

  it('takes options for each algorithm, and measures scores against the known circuit of the task', async () => {
    const algos =
      'eap-ig-inputs(steps=2),eap-ig-inputs,Official Circuit,adversarial-knockouts(edges=official,epochs=1)';
    const args = ['--algos', algos, '--algo.steps', '3', '--edges', '1,25', '--keep', '1', '--out', 'o'];
    const { code, stdout } = await run(...args, '--json');
    expect(code).toBe(0);
    const found = JSON.parse(stdout);
    const names = ['eap-ig-inputs-steps-2', 'eap-ig-inputs', 'official-circuit', 'adversarial-knockouts-edges-official-epochs-1']; // biome-ignore format: one line
    expect(found.runs.map(({ name }: { name: string }) => name)).toEqual(names);
    const options = async (name: string) =>
      JSON.parse(await readFile(join(cwd, 'o', name, 'run.json'), 'utf8')).asked.algo.options;
    expect(await Promise.all(names.slice(0, 2).map(options))).toMatchObject([{ steps: 2 }, { steps: 3 }]);
    expect(await options(names[2]!)).toEqual({ edges: 'Resid Start->Resid End' });
    expect(await options(names[3]!)).toMatchObject({ edges: 'Resid Start->Resid End', epochs: 1 });
    expect(found.known_circuit).toEqual({ name: 'straight', edges: 1 });
    const [two, , official, knockouts] = found.runs;
    expect(official.roc_area).toBe(1);
    expect(knockouts.roc_area).toBe(1);
    // One true edge of 25: the area is the share of the others that it is above.
    const circuit = JSON.parse(await readFile(join(cwd, 'o', 'eap-ig-inputs-steps-2', 'circuit.json'), 'utf8'));
    if (circuit.edges[0].edge === 'Resid Start->Resid End') expect(two.roc_area).toBe(1);
    else expect(two.roc_area).toBeLessThan(1);
    // A circuit file serves as well as the task's own.
    const file = await run('--algos', 'known-edges(edges=o/official-circuit/circuit.json)', '--edges', '1', '--keep', '1', '--out', 'f', '--json'); // biome-ignore format: one line
    expect(JSON.parse(file.stdout).runs[0].roc_area).toBe(1);
    await rm(join(cwd, 'o'), { recursive: true });
    await rm(join(cwd, 'f'), { recursive: true });
  });

  it('says what is wrong with options', async () => {
    const error = (...args: string[]) => refused(...args, '--out', 'g');
    expect(await error('--algos', 'eap(steps')).toMatchObject({
      code: 'invalid-option',
      fields: { got: 'eap(steps' },
      expected: 'name(option=value,…)',
    });
    expect(await error('--algos', 'eap,eap-ig-inputs(step=2)')).toMatchObject({
      code: 'unknown-name',
      fields: { name: 'step', nearest: ['steps'] },
    });
    expect(await error('--algos', 'eap,random', '--algo.steps', '2')).toMatchObject({
      code: 'invalid-option',
      fields: { option: '--algo.steps', got: '2' },
    });
    expect((await error('--algos', 'known-edges(edges=elsewhere)')).message).toMatch(/A7\.7/);
    await rm(join(cwd, 'g'), { recursive: true, force: true });
  });

  it('finds unknown names before anything is run', async () => {
    expect(await refused('--algos', 'eap,rondom', '--out', 'd')).toMatchObject({
      code: 'unknown-name',
      fields: { name: 'rondom', nearest: ['random'] },
    });
    expect(await refused()).toMatchObject({ code: 'missing-option', fields: { option: '--algos' } });
    expect(await readdir(cwd)).toEqual(['c']);
  });
});
