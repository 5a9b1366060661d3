/** @file Numbers of a whole run, not of one circuit: MIB's CPR and CMD, areas under curves, the area under ROC. */

import type { PruneScores } from '@auto-circuit/core';
import type { RankBy, Selecting } from '@auto-circuit/core/plugin';
import type { CircuitSizes, Measurement } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { Cli } from '../context/context.js';
import type { CURVE_NUMBER_NAMES } from '../context/first-party.js';
import { type CircuitPlace, rocAreas } from '../open/known-circuit.js';

/** By the name that `--metric` takes. */
export const CURVE_NUMBERS = {
  cpr: 'MIB: the area under faithfulness over shares of the edges',
  cmd: 'MIB: the area between faithfulness and 1 over shares of the edges',
  area: 'the area under each metric over log10 edges',
  auc: 'the same as area',
  roc: 'the area under ROC of the scores against the task’s known circuit',
} as const satisfies Readonly<Record<(typeof CURVE_NUMBER_NAMES)[number], string>>;
/** A name that `--metric` takes for a number of the whole run. */
export type CurveNumberName = keyof typeof CURVE_NUMBERS;

/** A number of the whole run. */
export interface CurveNumber {
  /** `cpr`, `area of kl`, … */
  readonly name: string;
  readonly value: number;
}

/** `--metric` in two: metrics of circuits (undefined for none named), and numbers of the whole run. */
export async function splitMetrics(text: string | undefined): Promise<{
  readonly metrics: string | undefined;
  readonly numbers: readonly CurveNumberName[];
}> {
  const { splitNames } = await import('@auto-circuit/core/plugin');
  const names = splitNames(text ?? '');
  const isNumber = (name: string): name is CurveNumberName => Object.hasOwn(CURVE_NUMBERS, name);
  const numbers = [...new Set(names.filter(isNumber).map((name) => (name === 'auc' ? 'area' : name)))];
  const metrics = names.filter((name) => name !== '' && !isNumber(name));
  if (text === undefined || (metrics.length === 0 && numbers.length > 0)) return { metrics: undefined, numbers };
  return { metrics: metrics.length === 0 ? text : metrics.join(','), numbers };
}

/** The sizes asked for, and those that CPR and CMD need. */
export async function sizesFor(
  numbers: readonly CurveNumberName[],
  sizes: CircuitSizes,
  edgeCount: number,
): Promise<CircuitSizes> {
  if (!numbers.includes('cpr') && !numbers.includes('cmd')) return sizes;
  const { mibEdgeCounts } = await import('@auto-circuit/metrics');
  if (sizes.by === 'list') {
    return { by: 'list', counts: [...new Set([...sizes.counts, ...mibEdgeCounts(edgeCount)])].sort((a, b) => a - b) };
  }
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: sizes.by === 'rule' ? '--edges' : '--threshold' },
    where: 'evaluate',
    what: 'CPR and CMD are measured at fixed shares of the edges',
    expected: '--edges with numbers, or the run’s sizes',
    got: sizes.by === 'rule' ? `--edges ${sizes.rule}` : '--threshold',
  });
}

/** What numbers of a run are made of. */
export interface CurveSource {
  readonly place: CircuitPlace;
  readonly scores: PruneScores;
  readonly standardErrors?: PruneScores | undefined;
  readonly select: Selecting;
  readonly rankBy: RankBy;
  readonly measurements: readonly Measurement[];
}

/** @throws AutoCircuitError where a number has nothing to be made of */
export async function curveNumbers(
  cli: Cli,
  names: readonly CurveNumberName[],
  source: CurveSource,
): Promise<CurveNumber[]> {
  const lists = await Promise.all(names.map((name) => MAKERS[name](cli, source)));
  return lists.flat();
}

type Maker = (cli: Cli, source: CurveSource) => Promise<CurveNumber[]>;
const MAKERS: Readonly<Record<CurveNumberName, Maker>> = {
  cpr: async (_cli, source) => [{ name: 'cpr', value: (await mib(source)).cpr }],
  cmd: async (_cli, source) => [{ name: 'cmd', value: (await mib(source)).cmd }],
  area: (_cli, source) => areas(source),
  auc: (_cli, source) => areas(source),
  async roc(cli, { place, scores }) {
    const known = await rocAreas(cli, place, Object.keys(place.task?.officialCircuits ?? {})[0]);
    if (known) return [{ name: `roc area (${known.name})`, value: known.areaOf(scores) }];
    throw new AutoCircuitError({
      code: 'no-known-circuit',
      fields: { task: place.task?.name ?? null },
      where: 'evaluate',
      what: 'ROC needs the task’s known circuit, and there is none',
      fix: 'use a task that has an official circuit',
    });
  },
};

async function areas({ measurements }: CurveSource): Promise<CurveNumber[]> {
  const { fromJsonNumber } = await import('@auto-circuit/core/run');
  const { areaUnderCurve } = await import('@auto-circuit/metrics');
  return measurements.map(({ metric, points }) => ({
    name: `area of ${metric}`,
    value: areaUnderCurve(points.map(({ edges, value }) => ({ edges, value: fromJsonNumber(value) }))),
  }));
}

/** Faithfulness at MIB's shares: of the circuit that keeps so many edges, with what ties add to it. */
async function mib({
  place: { graph },
  scores,
  standardErrors,
  select,
  rankBy,
  measurements,
}: CurveSource): Promise<{ cpr: number; cmd: number }> {
  const { edgeSelection, fromJsonNumber } = await import('@auto-circuit/core/run');
  const { MIB_FRACTIONS, mibEdgeCounts, mibScores } = await import('@auto-circuit/metrics');
  const selection = edgeSelection(graph, scores, select, { rankBy, standardErrors });
  const counts = mibEdgeCounts(graph.edgeCount);
  const points = MIB_FRACTIONS.map((fraction, i) => {
    const edges = selection.count(counts[i]!);
    const faithfulness = measurements[0]?.points.find((point) => point.edges === edges)?.faithfulness;
    if (faithfulness !== undefined) return { fraction, faithfulness: fromJsonNumber(faithfulness) };
    throw new AutoCircuitError({
      code: 'undefined-metric',
      fields: { metric: 'faithfulness', edges },
      where: 'evaluate',
      what: `the circuit of ${edges} edges has no faithfulness, which CPR and CMD need`,
      fix: 'use prompts with wrong answers, on which the model can do the task',
    });
  });
  return mibScores(points);
}
