/** @file From the measurements of a run to curves: each metric, and faithfulness where it was measured beside them. */
import { fromJsonNumber, type Measurement, type ReportInput } from '@auto-circuit/core/run';
import type { Curve, CurvePoint } from '../charts/curve.js';

/** Faithfulness that the automatic choice of a circuit accepts. */
const GOOD = [0.9, 1.1] as const;
/** Faithfulness of the two references. */
export const LEVELS = [
  { label: 'whole model', value: 1 },
  { label: 'empty circuit', value: 0 },
] as const;

/** The curves of a run, faithfulness first. */
export function measuredCurves({ measurements, circuit, graph }: ReportInput): Curve[] {
  const common = { kept: circuit.edges.length, total: graph.edgeCount };
  const curves = measurements.map((measurement) => ({ ...metricCurve(measurement), ...common }));
  const points = faithfulnessPoints(measurements);
  if (points.length === 0 || measurements.some(({ metric }) => metric === 'faithfulness')) return curves;
  return [{ ...faithfulnessCurve([{ name: 'faithfulness', points, colour: 0 }]), ...common }, ...curves];
}

/** A chart of faithfulness. */
export const faithfulnessCurve = (
  series: Curve['series'],
): Pick<Curve, 'title' | 'unit' | 'series' | 'lines' | 'band'> => ({
  title: 'faithfulness',
  unit: 'share of the logit difference',
  series,
  lines: LEVELS,
  band: GOOD,
});

function metricCurve({
  metric,
  unit,
  points,
  model,
  empty,
}: Measurement): Pick<Curve, 'title' | 'unit' | 'series' | 'lines'> {
  return {
    title: metric,
    unit,
    series: [{ name: metric, points: metricPoints(points), colour: 0 }],
    lines: referenceLines({ model, empty }),
  };
}

/** What a metric is for the whole model and for the empty circuit, as lines across. */
export const referenceLines = ({ model, empty }: Pick<Measurement, 'model' | 'empty'>): Curve['lines'] => [
  { label: 'whole model', value: fromJsonNumber(model) },
  { label: 'empty circuit', value: fromJsonNumber(empty) },
];

/** Measured points as numbers. */
export const metricPoints = (points: Measurement['points']): CurvePoint[] =>
  points.map(({ edges, value, standardError }) => ({
    edges,
    value: fromJsonNumber(value),
    ...(standardError === undefined ? {} : { standardError: fromJsonNumber(standardError) }),
  }));

/** Faithfulness by size, as a metric or beside one; empty where it was not measured. */
export function faithfulnessPoints(measurements: readonly Measurement[]): CurvePoint[] {
  const own = measurements.find(({ metric }) => metric === 'faithfulness');
  if (own) return metricPoints(own.points);
  const share = shareOfDifference(measurements);
  return (measurements[0]?.points ?? []).flatMap(({ edges, faithfulness, faithfulnessError }) => {
    if (faithfulness === undefined) return [];
    const error = faithfulnessError === undefined ? share?.get(edges) : fromJsonNumber(faithfulnessError);
    return [{ edges, value: fromJsonNumber(faithfulness), ...(error === undefined ? {} : { standardError: error }) }];
  });
}

/**
 * Standard errors of faithfulness by size, where the run does not hold them. Faithfulness is (m − m∅) / (m_model − m∅) with m
 * the mean logit difference, so its errors are those of m over |m_model − m∅|, the two references taken as exact. null where m
 * was not measured on the same scale.
 */
function shareOfDifference(measurements: readonly Measurement[]): ReadonlyMap<number, number> | null {
  const difference = measurements.find(({ metric }) => metric === 'logit-diff');
  if (!difference) return null;
  const empty = fromJsonNumber(difference.empty);
  const gap = fromJsonNumber(difference.model) - empty;
  const errors = new Map<number, number>();
  for (const { edges, value, standardError, faithfulness } of difference.points) {
    if (standardError === undefined || faithfulness === undefined) continue;
    const share = (fromJsonNumber(value) - empty) / gap;
    if (Math.abs(share - fromJsonNumber(faithfulness)) > 1e-3) return null;
    errors.set(edges, fromJsonNumber(standardError) / Math.abs(gap));
  }
  return errors;
}
