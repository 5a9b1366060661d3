import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMain } from '../testing/run-main.js';

const plugin = fileURLToPath(new URL('../../test-data/micro-task.mjs', import.meta.url));
let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'compare-command-'));
});
afterAll(() => rm(cwd, { recursive: true }));

const run = (...args: string[]) =>
  runMain(['compare', '--task', 'micro', '--backend', 'interpreter', '--plugin', plugin, ...args], { cwd, env: {} });

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
    expect(stdout).toMatch(/^algorithm +edges +faithfulness +scores took +circuits took$/m);
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

  it('finds unknown names before anything is run', async () => {
    const { code, stderr } = await run('--algos', 'eap,rondom', '--out', 'd');
    expect([code, stderr]).toEqual([2, expect.stringContaining('did you mean "random"?')]);
    expect((await run()).stderr).toContain('--algos is missing');
    expect(await readdir(cwd)).toEqual(['c']);
  });
});
