/** @file `evaluate --protocol mib` on the shipped model: its numbers are those of the Python evaluator of the MIB circuit track. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { toEapIg } from '@auto-circuit/core/run';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MibResult } from '../evaluation/mib-result.js';
import { refusal, runMain } from './run-main.js';

type EapIgGraph = ReturnType<typeof toEapIg>;

let cwd: string;
const run = async (args: string) => {
  const { code, stdout, stderr } = await runMain(args.split(' '), { cwd, env: {} });
  if (code !== 0) throw new Error(`${args}: ${stderr}`);
  return stdout;
};
const mib = async (args: string): Promise<MibResult> =>
  JSON.parse(await run(`evaluate ${args} --protocol mib --json --quiet`));
const refused = (args: string) => refusal(args.split(' '), { cwd, env: {} });
const PROMPTS = '--task ioi-mini --limit 24 --test same';

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'mib-protocol-'));
  await run(`discover ${PROMPTS} --algo eap --edges 20 --keep 20 --out run --quiet`);
  await run('convert run --to mib --out mib');
}, 60_000);
afterAll(() => rm(cwd, { recursive: true }));

describe('signs', () => {
  // `attribute(…, "EAP")` of the Python package on these prompts, of a loss: the negative of the logit difference.
  const THERE: Readonly<Record<string, number>> = {
    ...{ 'a2.h1->logits': 5.323549747, 'a1.h2->logits': 3.366036177, 'input->a2.h1<v>': 2.553868294 },
    ...{ 'input->a2.h1<k>': -1.95245409, 'input->a1.h2<k>': -1.577807069, 'a1.h2->a2.h1<v>': -0.52640456 },
  };

  it('of exported scores are those of EAP-IG', async () => {
    const { edges } = JSON.parse(await readFile(join(cwd, 'mib', 'ioi-mini_ioi-mini', 'importances.json'), 'utf8'));
    for (const [name, score] of Object.entries(THERE)) expect(edges[name].score, name).toBeCloseTo(score, 4);
  });

  it('of scores of theirs that are read are kept: what is positive supports the answer', async () => {
    const path = join(cwd, 'mib', 'ioi-mini_ioi-mini', 'importances.json');
    const graph = JSON.parse(await readFile(path, 'utf8')) as EapIgGraph;
    for (const [name, edge] of Object.entries(graph.edges)) edge.score = THERE[name] ?? 0;
    await writeFile(join(cwd, 'theirs.json'), JSON.stringify(graph));
    await run('convert theirs.json --to auto-circuit --model ioi-mini --out theirs');
    const { edges } = JSON.parse(await readFile(join(cwd, 'theirs', 'circuit.json'), 'utf8'));
    const read = new Map(edges.map(({ edge, score }: { edge: string; score: number }) => [edge, score]));
    expect(read.get('A2.1->Resid End')).toBeCloseTo(5.323549747, 6);
    expect(read.get('Resid Start->A2.1.K')).toBeCloseTo(-1.95245409, 6);
  });
});

describe('--protocol mib', () => {
  // Measured by scripts/compare-mib.mjs: `evaluate_area_under_curve` on TransformerLens, of this run's export on these prompts.
  it('gives the CPR and CMD of the Python evaluator, of a run and of its MIB folder', async () => {
    const own = await mib('run');
    expect(own.cpr).toBeCloseTo(0.885157, 5);
    expect(own.cmd).toBeCloseTo(0.0426, 5);
    const [signed, absolute] = own.curves;
    expect(signed).toMatchObject({ rank_by: 'signed' });
    expect(signed!.cmd).toBeCloseTo(0.113843, 5);
    expect(absolute!.cpr).toBeCloseTo(0.957208, 5);
    expect(absolute!.points.map(({ fraction }) => fraction)).toEqual([
      0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1,
    ]);
    // int(share × 262)
    expect(absolute!.points.map(({ asked }) => asked)).toEqual([0, 0, 1, 2, 5, 13, 26, 52, 131, 262]);
    expect(absolute!.points.every(({ asked, edges }) => edges <= asked)).toBe(true);
    expect(absolute!.points.at(-1)).toMatchObject({ edges: 262, faithfulness: 1 });
    const folder = await mib(`mib/ioi-mini_ioi-mini ${PROMPTS}`);
    expect(folder.curves).toEqual(own.curves);
  });

  it('measures one ranking where one is named, and writes what it shows', async () => {
    const before = await readFile(join(cwd, 'run', 'measurements.json'), 'utf8');
    const result = await mib('run --rank-by absolute --select greedy --out out.json');
    expect(result).toMatchObject({ select: 'greedy', curves: [{ rank_by: 'absolute' }] });
    expect(result.cpr).toBe(result.curves[0]!.cpr);
    const written = JSON.parse(await readFile(join(cwd, 'out.json'), 'utf8'));
    expect(written.curves).toEqual(result.curves);
    expect(await readFile(join(cwd, 'run', 'measurements.json'), 'utf8')).toBe(before);
    expect(await run('evaluate run --protocol mib --rank-by absolute --quiet')).toMatch(
      /^top edges by \|score\|: CPR 0\.957/,
    );
  });

  it('grows circuits of information flow routes greedily', async () => {
    await run(`discover ${PROMPTS} --algo information-flow-routes --edges 20 --keep 20 --out routes --quiet`);
    const { select, curves } = await mib('routes');
    expect(select).toBe('greedy');
    // The Python evaluator with apply_greedy; scores are close to each other, so a few edges may come in another order.
    expect(curves[1]!.cpr).toBeCloseTo(0.3869, 3);
  });

  it('makes circuits of nodes: all edges out of the best', async () => {
    await run(`discover ${PROMPTS} --algo node-attribution --edges 20 --keep 20 --out nodes --quiet`);
    const { level, cpr, cmd, curves } = await mib('nodes --level node');
    expect(level).toBe('node');
    expect(cpr).toBeCloseTo(0.25, 5);
    expect(cmd).toBeCloseTo(0.197856, 5);
    expect(curves[0]!.points.map(({ asked }) => asked)).toEqual([0, 0, 0, 0, 0, 0, 1, 3, 8, 16]);
    expect(await refused('evaluate run --protocol mib --level node')).toMatchObject({
      code: 'wrong-scores',
      fields: { level: 'node' },
    });
  });

  it('takes nine circuits without scores', async () => {
    const graph = JSON.parse(
      await readFile(join(cwd, 'mib', 'ioi-mini_ioi-mini', 'importances.json'), 'utf8'),
    ) as EapIgGraph;
    const order = Object.entries(graph.edges).sort(([, a], [, b]) => Math.abs(b.score!) - Math.abs(a.score!));
    await mkdir(join(cwd, 'nine'));
    const sizes = [0, 0, 1, 2, 5, 13, 26, 52, 131];
    const write = (name: string, size: number) => {
      const inside = new Set(order.slice(0, size).map(([edge]) => edge));
      const edges = Object.fromEntries(order.map(([edge]) => [edge, { in_graph: inside.has(edge) }]));
      return writeFile(join(cwd, 'nine', name), JSON.stringify({ ...graph, edges }));
    };
    for (const [i, size] of sizes.entries()) await write(`c${i}.json`, size);
    const { curves, select } = await mib(`nine ${PROMPTS}`);
    expect(select).toBeNull();
    const own = await mib('run --rank-by absolute');
    expect(curves[0]!.points.map(({ faithfulness }) => faithfulness)).toEqual(
      own.curves[0]!.points.map(({ faithfulness }) => faithfulness),
    );
    await write('c8.json', 140);
    expect(await refused(`evaluate nine ${PROMPTS} --protocol mib`)).toMatchObject({
      code: 'circuit-mismatch',
      fields: { edges: 140, most: 131 },
    });
    await rm(join(cwd, 'nine', 'c8.json'));
    expect(await refused(`evaluate nine ${PROMPTS} --protocol mib`)).toMatchObject({
      code: 'unsupported-format',
      fields: { circuits: 8 },
    });
  });

  it('draws the ROC of InterpBench against a known circuit', async () => {
    const { roc } = await mib('run --reference run/circuit.json');
    const other = await mib('run --reference mib/ioi-mini_ioi-mini/importances.json');
    expect(other.roc!.area).toBe(roc!.area);
    expect(roc!.points.at(-1)).toMatchObject({ true_positive_rate: 1, false_positive_rate: 1, edges: 262 });
    // By hand: greedy circuits of ⌈share · 262⌉ edges against the 20 of the run's circuit.
    const [first] = roc!.points;
    expect(first!.true_positive_rate).toBe(first!.edges / 20);
    expect(roc!.area).toBeGreaterThan(0.9);
  });

  it('refuses what it leaves nothing to decide for', async () => {
    expect(await refused('evaluate run --protocol mib --edges 10')).toMatchObject({ code: 'conflicting-options' });
    expect(await refused('evaluate run --level node')).toMatchObject({ code: 'missing-option' });
    expect(await refused('evaluate run --protocol mib --metric kl,logit-diff')).toMatchObject({
      code: 'invalid-option',
    });
    expect(await refused('evaluate run/circuit.json --protocol mib')).toMatchObject({ code: 'wrong-scores' });
  });
});
