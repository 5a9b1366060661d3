/** @file Objectives, ablations, selections and metrics of plugins from the command line to run folders, verification and experiments. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openSafetensors } from '@auto-circuit/core/run';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refusal, runMain } from './run-main.js';

const task = fileURLToPath(new URL('../../test-data/micro-task.mjs', import.meta.url));
const number = (value: number, doc: string) => `{ type: 'number', default: ${value}, doc: '${doc}' }`;
/** Minus the answers' logit, times a number; half of what the corrupt run writes; edges backwards; metrics of both kinds. */
const PLUGIN = `
const metric = (name, measure, rest = {}) => ({
  kind: 'metric', name, doc: 'a metric for tests', options: {}, higherIsBetter: true, needsWrongAnswers: false, unit: 'x', measure, ...rest,
});
export default { apiVersion: 1, name: 'kinds', contributes: [
  { kind: 'objective', name: 'scaled', doc: 'minus the logit of the answers', options: { by: ${number(1, 'what it is multiplied by')} },
    of: (b, logits, _reference, { answers }, { by }) => b.mul(b.sum(b.mul(logits, answers), -1), -by) },
  { kind: 'ablation', name: 'part', doc: 'part of what the corrupt run writes', options: { of: ${number(0.5, 'which part')} },
    patch: (_context, { of }) => ({ kind: 'made', name: 'part', reads: ['corrupt'], values: ({ corrupt }) => corrupt.map((x) => of * x) }) },
  { kind: 'selection', name: 'backwards', doc: 'edges from the last one on', options: {},
    select: ({ graph }) => Array.from({ length: graph.edgeCount }, (_, i) => graph.edgeCount - 1 - i) },
  { kind: 'score-metric', name: 'largest', doc: 'the largest score of the circuit', options: {}, higherIsBetter: true, unit: 'score',
    measure: ({ circuit }) => ({ value: circuit.edges.length, parts: { twice: 2 * circuit.edges.length } }) },
  metric('constant', (_context, { value }) => ({ value }), { options: { value: ${number(1, 'what it gives')} }, unit: ({ value }) => 'times ' + value }),
  metric('number', () => 3), metric('later', async () => ({ value: 1 })), metric('short', () => ({ value: 1, prompts: { values: [1] } })),
] };`;

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'plugin-kinds-'));
  await writeFile(join(cwd, 'kinds.mjs'), PLUGIN);
});
afterEach(() => rm(cwd, { recursive: true }));

const BASE = ['--plugin', task, '--plugin', './kinds.mjs', '--backend', 'interpreter'];
const discover = (out: string, ...args: string[]) =>
  runMain(['discover', '--task', 'micro', '--algo', 'eap', ...BASE, '--edges', '2,5,10', '--out', out, ...args], {
    cwd,
  });
const json = async (...path: string[]) => JSON.parse(await readFile(join(cwd, ...path), 'utf8'));

describe('kinds of plugins on the command line', () => {
  it('an objective gives the scores of its loss, with its options', async () => {
    expect((await discover('own', '--objective', 'scaled(by=2)')).code).toBe(0);
    expect((await discover('standard', '--objective', 'answer-logit')).code).toBe(0);
    const [own, standard] = ['own', 'standard'].map((run) => openSafetensors(join(cwd, run, 'scores.safetensors')));
    for (const module of standard!.tensors.keys()) {
      const expected = [...standard!.read(module)].map((x) => 2 * x);
      [...own!.read(module)].forEach((x, i) => {
        expect(x).toBeCloseTo(expected[i]!, 4);
      });
    }
    expect((await json('own', 'run.json')).asked).toMatchObject({ objective: 'scaled(by=2)' });
  });

  it('ablation, selection, ranking and metrics go into the run, which is verified and evaluated with them', async () => {
    const args = ['--ablation', 'part(of=0.25)', '--select', 'backwards', '--rank-by', 'signed'];
    const { code } = await discover('run', ...args, '--metric', 'kl,largest,constant(value=3)');
    expect(code).toBe(0);
    const { asked } = await json('run', 'run.json');
    expect(asked).toMatchObject({ ablation: 'part(of=0.25)', select: 'backwards', rankBy: 'signed' });
    expect(Object.keys(asked.plugins).sort()).toEqual(['kinds', 'micro-task']);
    expect(asked.plugins.kinds).toMatch(/^[0-9a-f]{16}$/);
    expect(await json('run', 'circuit.json')).toMatchObject({ select: 'backwards', rankBy: 'signed' });
    const measurements = await json('run', 'measurements.json');
    expect(measurements.map(({ metric, unit }: { metric: string; unit: string }) => [metric, unit])).toEqual([
      ['kl', 'nats'],
      ['largest', 'score'],
      ['constant(value=3)', 'times 3'],
    ]);
    expect(measurements[1].points.map(({ edges, value, parts }: { edges: number; value: number; parts: object }) => [edges, value, parts])).toEqual([2, 5, 10].map((n) => [n, n, { twice: 2 * n }])); // biome-ignore format: one line
    expect(measurements[2].points[0].value).toBe(3);
    const verified = await runMain(['verify', 'run', ...BASE], { cwd });
    expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('the run is confirmed')]);
    const evaluated = await runMain(
      ['evaluate', 'run', ...BASE.slice(0, 4), '--metric', 'constant(value=7),kl', '--json'],
      { cwd },
    );
    expect(JSON.parse(evaluated.stdout).measurements.at(-1)).toMatchObject({
      metric: 'constant(value=7)',
      unit: 'times 7',
    });
  });

  it('an experiment takes them as the command line does', async () => {
    const study = {
      tasks: ['micro'],
      algos: ['eap'],
      metrics: ['constant(value=4)', 'largest'],
      settings: { backend: 'interpreter', edges: [3], objective: 'scaled', ablation: 'part', select: 'backwards' },
      plugins: [task, join(cwd, 'kinds.mjs')],
    };
    await writeFile(join(cwd, 'study.json'), JSON.stringify(study));
    expect((await runMain(['experiment', 'study.json', '--workers', '0', '--out', 'o'], { cwd })).code).toBe(0);
    const { rows } = await json('o', 'results.json');
    expect(rows.map(({ metric, value }: { metric: string; value: number }) => [metric, value])).toEqual([
      ['constant(value=4)', 4],
      ['largest', 3],
    ]);
    await writeFile(join(cwd, 'wrong.json'), JSON.stringify({ ...study, metrics: ['constant(valeu=4)'] }));
    expect(await refusal(['experiment', 'wrong.json', '--out', 'w'], { cwd })).toMatchObject({ code: 'unknown-name' });
  });

  it('refuses what a metric gives in place of a measurement, and writes nothing', async () => {
    for (const metric of ['number', 'later', 'short']) {
      const args = ['discover', '--task', 'micro', '--algo', 'eap', ...BASE, '--out', 'bad', '--metric', metric];
      const error = await refusal(args, { cwd });
      expect(error).toMatchObject({
        code: 'plugin-failed',
        fields: { plugin: metric, kind: 'metric', member: 'measure' },
      });
      await expect(readFile(join(cwd, 'bad', 'run.json'))).rejects.toThrow();
    }
  });

  it('refuses names that presets and numbers of a whole run have', async () => {
    for (const [kind, name] of [
      ['metric', 'cpr'],
      ['prune-algo', 'tree-probing'],
    ] as const) {
      const fields =
        kind === 'metric' ? `higherIsBetter: true, needsWrongAnswers: false, unit: 'x', measure() {}` : 'score() {}';
      const text = `export default { apiVersion: 1, name: 'taken', contributes: [{ kind: '${kind}', name: '${name}', doc: 'a taken name', options: {}, ${fields} }] };`;
      await writeFile(join(cwd, `${name}.mjs`), text);
      const error = await refusal(['list', 'metrics', '--plugin', `./${name}.mjs`], { cwd });
      expect(error).toMatchObject({ code: 'duplicate-name', fields: { kind, name } });
    }
  });

  it('lists them, and says which names there are', async () => {
    const { stdout } = await runMain(['list', '--json', '--plugin', './kinds.mjs'], { cwd });
    const lists = JSON.parse(stdout);
    for (const [list, name] of [
      ['objectives', 'scaled'],
      ['ablations', 'part'],
      ['selections', 'backwards'],
      ['metrics', 'largest'],
    ] as const) {
      expect(lists[list].map((entry: { name: string }) => entry.name)).toContain(name);
    }
    for (const flag of ['--objective', '--ablation', '--select']) {
      const args = ['discover', '--task', 'micro', '--algo', 'eap', ...BASE, flag, 'unheard-of'];
      expect(await refusal(args, { cwd })).toMatchObject({ code: 'unknown-name' });
    }
  });

  it('a backend that is an object of the config file has no file that a worker could load', async () => {
    const plugin = `{ apiVersion: 1, name: 'inline', contributes: [{ kind: 'backend', name: 'own', doc: 'never made here',
      options: {}, create: async () => { throw new Error('made'); }, probe: async () => [] }] }`;
    await writeFile(join(cwd, 'auto-circuit.config.mjs'), `export default { plugins: [${plugin}] };`);
    const args = ['discover', '--task', 'micro', '--algo', 'eap', '--plugin', task, '--backend', 'own'];
    for (const flag of [['--workers', '2'], ['--worker']]) {
      const { code, fields, message } = await refusal([...args, ...flag], { cwd });
      expect({ code, fields }).toMatchObject({ code: 'invalid-option', fields: { option: flag[0], got: 'own' } });
      expect(message).toContain('an object of the plugin "inline", which has no file');
    }
  });
});
