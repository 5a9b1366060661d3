/** @file Files of EAP-IG and MIB through the commands: whatever they hold is kept, measured or refused by name. On the shipped model. */
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { toEapIg } from '@auto-circuit/core/run';
import { SHIPPED_MODELS } from '@auto-circuit/models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal, runMain } from './run-main.js';

type EapIgGraph = ReturnType<typeof toEapIg>;

let cwd: string;
const run = async (args: string) => {
  const { code, stdout, stderr } = await runMain(args.split(' '), { cwd, env: {} });
  if (code !== 0) throw new Error(`${args}: ${stderr}`);
  return { stdout, stderr };
};
const refused = (args: string) => refusal(args.split(' '), { cwd, env: {} });
const json = async (args: string) => JSON.parse((await run(`${args} --json --quiet`)).stdout);
const bytes = (path: string) => readFile(join(cwd, path));

/** A graph like the run's, changed, as a file. */
async function changed(name: string, change: (graph: EapIgGraph) => void): Promise<void> {
  const graph = JSON.parse(await readFile(join(cwd, 'graph.json'), 'utf8')) as EapIgGraph;
  change(graph);
  await writeFile(join(cwd, name), JSON.stringify(graph));
}
const eachEdge = (graph: EapIgGraph, change: (edge: EapIgGraph['edges'][string]) => void): void =>
  Object.values(graph.edges).forEach(change);

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'peer-files-'));
  await run('discover --task ioi-mini --algo eap --edges 10,50 --keep 20 --out run --quiet');
  await run('convert run --to eap-ig --out graph.json');
  await run('convert graph.json --to auto-circuit --model ioi-mini --out imported');
});
afterAll(() => rm(cwd, { recursive: true }));

describe('a folder that holds no one file', () => {
  it('is refused by what it has, whatever flags come with it', async () => {
    await mkdir(join(cwd, 'nothing'));
    for (const flags of ['', ' --task ioi-mini --edges 10'])
      expect(await refused(`evaluate nothing${flags}`)).toMatchObject({ code: 'not-a-run' });
    expect(await refused('convert nothing --to mib')).toMatchObject({ code: 'unsupported-format' });
    await mkdir(join(cwd, 'many/a'), { recursive: true });
    await mkdir(join(cwd, 'many/b'));
    for (const name of ['a', 'b']) await cp(join(cwd, 'graph.json'), join(cwd, 'many', name, 'importances.json'));
    const named = {
      code: 'unsupported-format',
      fix: `name one of them, such as ${join('many', 'a', 'importances.json')}`,
    };
    expect(await refused('evaluate many --task ioi-mini')).toMatchObject(named);
    expect(await refused('convert many --to eap-ig')).toMatchObject(named);
  });
});

describe('a graph that EAP-IG saved with PyTorch', () => {
  const GRAPHS = fileURLToPath(new URL('../../test-data/graphs/', import.meta.url));

  it('is converted as its JSON is, also where a folder holds it alone', async () => {
    await mkdir(join(cwd, 'saved'));
    await cp(join(GRAPHS, 'plain.pt'), join(cwd, 'saved/importances.pt'));
    await run('convert saved --to eap-ig --out from-pt.json');
    await run(`convert ${join(GRAPHS, 'plain.json')} --to eap-ig --out from-json.json`);
    expect(await bytes('from-pt.json')).toEqual(await bytes('from-json.json'));
  });

  it('is refused by evaluate for a model of another shape', async () => {
    expect(await refused(`evaluate ${join(GRAPHS, 'plain.pt')} --task ioi-mini`)).toMatchObject({
      code: 'graph-mismatch',
    });
  });
});

describe('imported scores', () => {
  const CURVE = '--task ioi-mini --metric kl,cpr,cmd --edges 10,50';

  it('are measured like the run they come from, from the file, a MIB folder, and a folder of convert', async () => {
    const own = await json('evaluate run --metric kl,cpr,cmd --edges 10,50');
    // As measured on the run before there was an import (its scores are in the file, in float32 written whole).
    expect(own.curve_numbers.cpr).toBeCloseTo(0.9541, 4);
    expect(own.curve_numbers.cmd).toBeCloseTo(0.04493, 5);
    await run('convert run --to mib --out mib');
    for (const source of ['graph.json', 'imported', 'mib/ioi-mini_ioi-mini', 'mib']) {
      const { curve_numbers, measurements } = await json(`evaluate ${source} ${CURVE}`);
      expect(curve_numbers).toEqual(own.curve_numbers);
      const sizes = new Set([10, 50]);
      const at = (all: typeof measurements) =>
        all[0].points.filter(({ requested }: { requested: number }) => sizes.has(requested));
      expect(at(measurements)).toEqual(at(own.measurements));
    }
    await run('convert mib --to auto-circuit --model ioi-mini --out from-mib'); // the folder given to --out, as it was given
    expect(await bytes('from-mib/scores.safetensors')).toEqual(await bytes('run/scores.safetensors'));
    expect(await bytes('imported/scores.safetensors')).toEqual(await bytes('run/scores.safetensors'));
  });

  it('stand for their circuit where no sizes are asked for', async () => {
    const circuit = await json('evaluate run/circuit.json --metric kl');
    const file = await json('evaluate graph.json --task ioi-mini --metric kl');
    expect(file.measurements).toEqual(circuit.measurements);
    expect(file.measurements[0].points[0].edges).toBe(20);
    const folder = await json('evaluate imported --task ioi-mini --metric kl --edges 20 --out out.json');
    expect(folder.scores).toBe(join(cwd, 'imported'));
    expect(JSON.parse(readFileSync(join(cwd, 'out.json'), 'utf8'))[0].points[0].edges).toBe(20);
  });

  it('of a folder with several files need a name', async () => {
    await mkdir(join(cwd, 'several'));
    for (const name of ['a.json', 'b.json']) await cp(join(cwd, 'graph.json'), join(cwd, 'several', name));
    expect(await refused('evaluate several --task ioi-mini')).toMatchObject({
      code: 'unsupported-format',
      fields: { path: 'several' },
      fix: `name one of them, such as ${join('several', 'a.json')}`,
    });
  });

  it('are told of where only one size is to be had', async () => {
    expect(await refused('evaluate imported/circuit.json --task ioi-mini --edges 10')).toMatchObject({
      code: 'invalid-option',
      fix: 'leave --edges and --threshold out, or name the folder: evaluate imported',
    });
  });
});

describe('circuits without scores', () => {
  it('are their in_graph edges, and have one size', async () => {
    await changed('bare.json', (graph) => {
      eachEdge(graph, (edge) => delete edge.score);
    });
    const converted = await json('convert bare.json --to auto-circuit --model ioi-mini --out bare');
    expect(converted).toMatchObject({ circuit: 20, scores: 'none' });
    expect(await readdir(join(cwd, 'bare'))).toEqual(['circuit.json']);
    const { edges } = JSON.parse(await readFile(join(cwd, 'bare', 'circuit.json'), 'utf8'));
    expect(edges).toHaveLength(20);
    expect(edges.every(({ score }: { score: number | null }) => score === null)).toBe(true);
    const whole = await json('evaluate run/circuit.json --metric kl');
    for (const source of ['bare.json', 'bare', 'bare/circuit.json']) {
      const { measurements } = await json(`evaluate ${source} --task ioi-mini --metric kl`);
      expect(measurements).toEqual(whole.measurements);
      expect(await refused(`evaluate ${source} --task ioi-mini --edges 10`)).toMatchObject({
        code: 'invalid-option',
        fields: { option: '--edges', got: '10' },
      });
    }
    await run('convert bare --to eap-ig --out again.json');
    expect(JSON.parse(await readFile(join(cwd, 'again.json'), 'utf8'))).toEqual(
      JSON.parse(await readFile(join(cwd, 'bare.json'), 'utf8')),
    );
  });
});

describe('scores of nodes and neurons', () => {
  it('of a run are in its exports, and come back', async () => {
    await run(
      'discover --task ioi-mini --algo node-attribution --algo.neurons --limit 40 --edges 50 --keep 50 --out nodes --quiet',
    );
    await run('convert nodes --to mib --name ioi_mini --out m');
    const { nodes } = JSON.parse(await readFile(join(cwd, 'm', 'ioi_mini', 'importances.json'), 'utf8')) as EapIgGraph;
    const own = JSON.parse(await readFile(join(cwd, 'nodes', 'nodes.json'), 'utf8'));
    const head = own.find(({ node }: { node: string }) => node === 'A2.1');
    expect(nodes['a2.h1']!.score).toBe(head.score);
    const numbers = nodes['a2.h1']!.neurons_scores!.map((score) => score!);
    const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
    // Each of the numbers, and the score, was rounded to float32 once.
    const rounding = 2 ** -24 * (total(numbers.map(Math.abs)) + Math.abs(head.score));
    expect(Math.abs(total(numbers) - head.score)).toBeLessThan(rounding);
    await run('convert m/ioi_mini --to auto-circuit --model ioi-mini --out back');
    for (const file of ['nodes.json', 'neurons.safetensors', 'scores.safetensors']) {
      expect(await bytes(`back/${file}`), file).toEqual(await bytes(`nodes/${file}`));
    }
  });

  it('are kept where edges have none, which get their source’s; and said', async () => {
    await changed('node-level.json', (graph) => {
      eachEdge(graph, (edge) => Object.assign(edge, { score: 0, in_graph: true }));
      for (const [i, node] of Object.values(graph.nodes).entries()) node.score = i / 4 + 0.5;
    });
    const { stdout } = await run('convert node-level.json --to auto-circuit --model ioi-mini --out by-node');
    expect(stdout).toMatch(/^262 edges; scores of nodes, also given to their edges/);
    const nodes = JSON.parse(await readFile(join(cwd, 'by-node', 'nodes.json'), 'utf8'));
    expect(nodes[0]).toEqual({ node: 'MLP 2', score: 15 / 4 + 0.5 });
    expect(nodes.at(-1)).toEqual({ node: 'Resid Start', score: 0.5 });
    const { edges } = JSON.parse(await readFile(join(cwd, 'by-node', 'circuit.json'), 'utf8'));
    expect(edges[0]).toEqual({ edge: 'MLP 2->Resid End', score: 15 / 4 + 0.5 });
    expect(edges.at(-1).score).toBe(0.5);
    const { stderr } = await run('evaluate node-level.json --task ioi-mini --limit 20 --edges 40 --quiet');
    expect(stderr).toContain('every edge has the score of its source');
    await run('convert node-level.json --to mib --name a_b --model ioi-mini --out m2');
    const again = JSON.parse(await readFile(join(cwd, 'm2', 'a_b', 'importances.json'), 'utf8')) as EapIgGraph;
    expect(again.edges['m2->logits']).toEqual({ score: 0, in_graph: true });
    expect(again.nodes.m2).toEqual({ in_graph: true, score: 15 / 4 + 0.5 });
  });

  it('circuits of neurons are refused where edges run whole, and kept between EAP-IG and MIB', async () => {
    const part = Array.from({ length: 64 }, (_, i) => i < 10);
    await changed('neurons.json', (graph) => {
      for (const [name, node] of Object.entries(graph.nodes)) if (name !== 'logits') node.neurons = part;
    });
    for (const command of [
      'convert neurons.json --to auto-circuit --model ioi-mini',
      'evaluate neurons.json --task ioi-mini',
    ]) {
      expect(await refused(command)).toMatchObject({
        code: 'unsupported-graph',
        fields: { path: 'neurons.json', reason: 'neurons' },
      });
    }
    await run('convert neurons.json --to mib --name a_b --model ioi-mini --out m3');
    const { nodes } = JSON.parse(await readFile(join(cwd, 'm3', 'a_b', 'importances.json'), 'utf8')) as EapIgGraph;
    expect(nodes['a2.h1']!.neurons).toEqual(part);
  });
});

it('a MIB folder is called after the model’s folder, not its path', async () => {
  await cp(fileURLToPath(SHIPPED_MODELS['ioi-mini']!.folder), join(cwd, 'my-models', 'mine'), { recursive: true });
  await mkdir(join(cwd, 'mine-out'));
  await run(
    'discover --task ioi-mini --model my-models/mine --algo random --limit 20 --edges 20 --keep 20 --out r --quiet',
  );
  const { written } = await json('convert r --to mib --out mine-out');
  expect(written).toEqual([join(cwd, 'mine-out', 'ioi-mini_mine', 'importances.json')]);
});

describe('exact of the strongest edges of a run', () => {
  const EXACT = 'discover --task ioi-mini --algo exact --limit 8 --edges 5 --keep 5 --quiet';
  it('runs only those, or the circuit that the run kept', async () => {
    await run(`${EXACT} --algo.edges run --algo.top 5 --out top`);
    const { edges } = JSON.parse(await readFile(join(cwd, 'run', 'circuit.json'), 'utf8'));
    const names = edges.map(({ edge }: { edge: string }) => edge);
    const asked = async (folder: string) =>
      JSON.parse(await readFile(join(cwd, folder, 'run.json'), 'utf8')).asked.algo.options.edges.split(',');
    expect(await asked('top')).toEqual(names.slice(0, 5));
    await run(`${EXACT} --algo.edges run --out kept`);
    expect((await asked('kept')).toSorted()).toEqual(names.toSorted());
    await run(`${EXACT} --algo.edges run/circuit.json --algo.top 3 --out file`);
    expect(await asked('file')).toEqual(names.slice(0, 3));
    expect(await refused(`${EXACT} --algo.top 5 --out none`)).toMatchObject({ code: 'missing-option' });
  });
});
