/** @file `evaluate --protocol mib`: CPR, CMD and ROC as the code of the MIB circuit track (Mueller et al. 2025) computes them. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Circuit } from '@auto-circuit/core';
import type { RankBy, Selecting } from '@auto-circuit/core/plugin';
import type { EvaluateRequest } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { Command } from 'commander';
import type { Cli } from '../context/context.js';
import { readGraphFile } from '../open/eap-ig-file.js';
import { edgesNamed } from '../open/known-circuit.js';
import type { OpenedRun } from '../run/open-run.js';
import { givenFlags } from '../run/run-defaults.js';
import { MEASURE_FLAGS } from '../run/run-flags.js';
import { chosenMetrics, circuitSettings } from '../run/run-request.js';
import { EVALUATE_OUT_FLAGS, withBar } from './measuring.js';
import { type MibCircuit, type MibScored, mibCircuits, nineCircuits } from './mib-circuits.js';
import { PROTOCOL_FLAGS } from './mib-flags.js';
import type { MibCurve, MibPoint, MibResult, MibRoc } from './mib-result.js';
import { showMib } from './show-mib.js';

/** What is measured: scores, or nine circuits. */
export interface MibSubject {
  /** As the user typed it. */
  readonly name: string;
  readonly opened: OpenedRun;
  readonly scored: MibScored | null;
  readonly circuits?: readonly Circuit[];
  /** What scored the edges, where it is known. */
  readonly algo?: string;
  readonly constants?: EvaluateRequest['constants'];
}

/** Measures and shows; nothing is written but `--out`. `cli`: with the defaults of what is measured. */
export async function measureByMib(cli: Cli, command: Command, subject: MibSubject): Promise<void> {
  const { selectionText } = await import('@auto-circuit/core/run');
  const { level, reference } = cli.flags(PROTOCOL_FLAGS);
  const { opened, scored, circuits, name } = subject;
  const settings = { ...(await circuitSettings(cli, command)), patchType: 'tree' as const };
  const given = givenFlags(command);
  const byAlgo = subject.algo === 'information-flow-routes' ? 'greedy' : 'top';
  const select: Selecting = given.includes('select') ? (settings.select ?? byAlgo) : byAlgo;
  const rankings: readonly RankBy[] = given.includes('rankBy')
    ? [settings.rankBy ?? 'absolute']
    : ['signed', 'absolute'];
  const sets: { readonly rankBy: RankBy | null; readonly circuits: readonly MibCircuit[] }[] = [];
  if (circuits) sets.push({ rankBy: null, circuits: await nineCircuits(opened.graph, circuits, name) });
  else if (scored) {
    for (const rankBy of rankings)
      sets.push({ rankBy, circuits: await mibCircuits(opened.graph, scored, { level, select, rankBy }) });
  } else throw oneCircuit(name);
  const roc = reference === undefined ? null : await rocAgainst(cli, subject, reference);

  const metrics = await oneMetric(cli, command, opened);
  const request = {
    ...settings,
    force: true,
    model: opened.patchable,
    prompts: opened.prompts,
    metrics,
    constants: subject.constants,
    target: { kind: 'circuits' as const, circuits: sets.flatMap((set) => set.circuits.map(({ circuit }) => circuit)) },
  };
  const { evaluate, fromJsonNumber, toJsonText, writeFileAtomic } = await import('@auto-circuit/core/run');
  const [measured] = await withBar(cli, (hooks) => evaluate(request, hooks));
  const { metric } = measured!;
  const [model, empty] = [fromJsonNumber(measured!.model), fromJsonNumber(measured!.empty)];
  const values = measured!.points.map(({ value }) => fromJsonNumber(value));
  checkGap(metric, model - empty);
  let at = 0;
  const curves: MibCurve[] = [];
  for (const { rankBy, circuits: chosen } of sets) {
    curves.push(await curveOf(rankBy, chosen, values.slice(at, at + chosen.length), { model, empty }));
    at += chosen.length;
  }
  const result: MibResult = {
    protocol: 'mib',
    level,
    select: circuits ? null : level === 'node' ? 'top' : selectionText(select),
    ...{ metric, model, empty, curves },
    cpr: curves[0]!.cpr,
    cmd: curves.at(-1)!.cmd,
    roc,
  };
  const { out } = cli.flags(EVALUATE_OUT_FLAGS);
  if (out !== undefined) await writeFileAtomic(resolve(cli.cwd, out), toJsonText(result, out));
  showMib(cli, { ...result, name, opened });
  if (out !== undefined && !cli.output.jsonOnly) cli.output.line(`\nfiles   ${out}`);
}

async function curveOf(
  rankBy: RankBy | null,
  circuits: readonly MibCircuit[],
  values: readonly number[],
  { model, empty }: Pick<MibResult, 'model' | 'empty'>,
): Promise<MibCurve> {
  const { mibScores } = await import('@auto-circuit/metrics');
  const points = circuits.map(({ fraction, asked, circuit }, i): MibPoint => {
    const faithfulness = (values[i]! - empty) / (model - empty);
    return { fraction, asked, edges: circuit.edges.length, value: values[i]!, faithfulness };
  });
  const average = points.reduce((sum, { faithfulness }) => sum + faithfulness, 0) / points.length;
  return { rank_by: rankBy, points, ...mibScores(points), average };
}

/** The one metric that faithfulness is made of. */
async function oneMetric(cli: Cli, command: Command, opened: OpenedRun) {
  const named = givenFlags(command).includes('metric') ? cli.flags(MEASURE_FLAGS).metric : 'logit-diff';
  const metrics = await chosenMetrics(cli, named, opened);
  if (metrics.length === 1) return metrics;
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: '--metric', got: named },
    where: 'evaluate',
    what: '--protocol mib makes faithfulness of one metric',
    expected: 'one metric, such as logit-diff',
    got: `${metrics.length}`,
  });
}

async function rocAgainst(cli: Cli, { opened, scored, name }: MibSubject, reference: string): Promise<MibRoc> {
  const { edgesByName } = await import('@auto-circuit/core');
  const { MIB_FRACTIONS, circuitRates, mibRocArea, mibRocCounts } = await import('@auto-circuit/metrics');
  if (!scored) throw oneCircuit(name);
  const { graph } = opened;
  const known =
    (await eapIgEdges(cli, opened, reference)) ??
    (await edgesNamed(cli.cwd, opened, reference)).split(',').flatMap((edge) => edgesByName(graph, edge));
  const { edgeSelection } = await import('@auto-circuit/core/run');
  const { connectedPart, makeCircuit } = await import('@auto-circuit/core');
  const greedy = edgeSelection(graph, scored.scores, 'greedy', { rankBy: 'absolute' });
  const knownEdges = new Set(known);
  const rates = mibRocCounts(graph.edgeCount).map((count) => {
    const circuit = makeCircuit(graph, greedy.edges(count));
    const { edges } = connectedPart(circuit, { requireWayIn: true, requireWayOut: true });
    return { edges: edges.length, rates: circuitRates(knownEdges, edges, graph.edgeCount) };
  });
  return {
    reference,
    area: mibRocArea(rates.map((point) => point.rates)),
    points: rates.map(({ edges, rates: { truePositiveRate, falsePositiveRate, precision } }, i) => ({
      fraction: MIB_FRACTIONS[i]!,
      edges,
      true_positive_rate: truePositiveRate,
      false_positive_rate: falsePositiveRate,
      precision,
    })),
  };
}

/** The edges that an EAP-IG graph marks; null for what is no such file. */
async function eapIgEdges(cli: Cli, { graph }: OpenedRun, reference: string): Promise<readonly number[] | null> {
  const path = resolve(cli.cwd, reference);
  if (!/\.(json|pt)$/.test(reference) || !existsSync(path) || graph.layout.kind !== 'transformer') return null;
  const value = await readGraphFile('evaluate', path, reference);
  if (value === null) return null;
  const { fromEapIg } = await import('@auto-circuit/core/run');
  const { circuit } = fromEapIg(value, graph.layout, reference);
  if (circuit) return circuit.edges;
  throw new AutoCircuitError({
    code: 'no-known-circuit',
    fields: { path: reference },
    where: 'evaluate',
    what: `${reference} marks no circuit: all of its edges are in the graph, or none`,
    fix: 'name a file that marks one',
  });
}

/** The error for a circuit alone, of which there are no others. */
export const oneCircuit = (name: string): AutoCircuitError =>
  new AutoCircuitError({
    code: 'wrong-scores',
    fields: { path: name },
    where: 'evaluate',
    what: `${name} has one circuit and no scores to choose ten by`,
    fix: 'name a run, a file with scores, or a folder of nine circuits',
  });

function checkGap(metric: string, gap: number): void {
  if (Number.isFinite(gap) && gap !== 0) return;
  throw new AutoCircuitError({
    code: 'undefined-metric',
    fields: { metric, gap },
    where: 'evaluate',
    what: 'the whole model and the empty circuit do not differ on these prompts, so nothing is faithful or not',
    got: `a difference of ${gap} in ${metric}`,
    fix: 'use prompts on which the model can do the task, or another metric',
  });
}
