/** @file Runs of a task as lines of a chart: those of one algorithm are one line, their mean, with a band of standard errors. */
import type { Measurement, ReportInput } from '@auto-circuit/core/run';
import type { CurvePoint, Series } from '../charts/curve.js';
import { faithfulnessPoints, metricPoints } from '../sections/measured-curves.js';
import type { RunFigures } from '../sections/run-figures.js';

/** A run among others. */
export interface ComparedRun {
  /** Its own name: `eap, seed 1`. */
  readonly name: string;
  /** What it is a repetition of: the algorithm with its options. Runs of one series differ in their seed only. */
  readonly series: string;
  readonly input: ReportInput;
  readonly figures?: RunFigures;
  /** Where its own report is, from the page. */
  readonly href?: string;
}

/** Colours by name of series, the same on the whole page. */
export type Colours = ReadonlyMap<string, number>;
/** A colour for each name, in order of first appearance. */
export const coloursOf = (names: Iterable<string>): Colours =>
  new Map([...new Set(names)].map((name, index) => [name, index]));

/** The runs of each series, in order of first appearance. */
export function bySeries(runs: readonly ComparedRun[]): Map<string, ComparedRun[]> {
  const groups = new Map<string, ComparedRun[]>();
  for (const run of runs) groups.set(run.series, [...(groups.get(run.series) ?? []), run]);
  return groups;
}

/** Metrics that every run has, `faithfulness` first where all have it. */
export function commonMetrics(runs: readonly ComparedRun[]): string[] {
  const all = runs.map(({ input }) => metricsOf(input));
  return (all[0] ?? []).filter((metric) => all.every((metrics) => metrics.includes(metric)));
}
function metricsOf({ measurements }: ReportInput): string[] {
  const metrics = measurements.map(({ metric }) => metric).filter((metric) => metric !== 'faithfulness');
  return faithfulnessPoints(measurements).length > 0 ? ['faithfulness', ...metrics] : metrics;
}

/** What was measured by a metric; undefined where it was not. */
export function measurementOf({ measurements }: ReportInput, metric: string): Measurement | undefined {
  return measurements.find((measurement) => measurement.metric === metric);
}

/** A line for each series. */
export function metricSeries(runs: readonly ComparedRun[], metric: string, colours: Colours): Series[] {
  return [...bySeries(runs)].map(([name, own]) => ({
    name,
    points: meanPoints(own.map(({ input }) => pointsOf(input, metric))),
    colour: colours.get(name) ?? 0,
  }));
}

function pointsOf(input: ReportInput, metric: string): CurvePoint[] {
  if (metric === 'faithfulness') return faithfulnessPoints(input.measurements);
  return metricPoints(measurementOf(input, metric)?.points ?? []);
}

/** One curve as it is; of several the mean at the sizes that all have, with its standard error over the curves. */
export function meanPoints(curves: readonly (readonly CurvePoint[])[]): CurvePoint[] {
  const [first = [], ...others] = curves;
  if (others.length === 0) return [...first];
  const maps = others.map((points) => new Map(points.map((point) => [point.edges, point.value])));
  return first.flatMap(({ edges, value }) => {
    const values = [value, ...maps.map((map) => map.get(edges))].filter((one) => one !== undefined);
    if (values.length < curves.length) return [];
    const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
    const squares = values.reduce((sum, one) => sum + (one - mean) ** 2, 0);
    return [{ edges, value: mean, standardError: Math.sqrt(squares / (values.length * (values.length - 1))) }];
  });
}
