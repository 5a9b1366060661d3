/** @file What `discover` and `evaluate` print: the top edges, metrics by size, where the files are, what to type next. */

import type { Graph } from '@auto-circuit/core';
import type { DiscoverResult, Measurement } from '@auto-circuit/core/run';
import { countOf, formatCount, formatFaithfulness, formatValue, quoted } from '../terminal/numbers.js';
import type { Output } from '../terminal/output.js';
import { writeTable } from '../terminal/table.js';

const TOP_EDGES = 10;
/** Edges of the circuit that the JSON document holds. */
const JSON_EDGES = 100;
const MOST_SIZES = 14;

/** A run, and how it is shown. */
export interface ShownRun {
  readonly result: DiscoverResult;
  readonly graph: Graph;
  /** As the user would type it. */
  readonly folder: string;
  /** Whether a score above 0 means that the edge supports the answer. */
  readonly signed: boolean;
  /** Whether every measured size is shown: those that were asked for one by one are. */
  readonly allSizes: boolean;
}

/** Prints a run, or writes it as one JSON document. */
export async function showRun(output: Output, shown: ShownRun): Promise<void> {
  const { result, graph, folder, signed, allSizes } = shown;
  const { circuitToJson, withoutPromptValues } = await import('@auto-circuit/core/run');
  const { circuit, scores, standardErrors, intervalFactor, measurements, timings, run } = result;
  const { edges } = circuitToJson(circuit, scores);
  if (output.jsonOnly) {
    output.json({
      run: result.folder,
      task: run?.asked.data.name ?? null,
      model: run?.asked.model.name ?? null,
      algo: run?.asked.algo.name ?? null,
      edges_total: graph.edgeCount,
      interval_factor: intervalFactor ?? null,
      circuit: edges.slice(0, JSON_EDGES),
      measurements: withoutPromptValues(measurements),
      seconds: timings.seconds,
      memory_mb: timings.memoryMb,
    });
    return;
  }
  const { bold } = output.colors;
  const kept = circuit.edges.length;
  output.line(
    bold(`${formatCount(kept)} of ${formatCount(graph.edgeCount)} edges kept`) + faithfulnessText(measurements, kept),
  );
  output.line();
  if (edges.length > 0) {
    const errors = standardErrors && circuitToJson(circuit, standardErrors).edges;
    const errorOf = new Map(errors?.map(({ edge, score }) => [edge, score]));
    const { blue, red } = output.colors;
    const rows = edges.slice(0, TOP_EDGES).map(({ edge, score }) => {
      const value = numberOf(score ?? null);
      const error = errorOf.get(edge);
      return [
        edge,
        (value < 0 ? red : blue)(formatValue(value)),
        ...(errors ? [error === undefined ? '' : formatValue(numberOf(error))] : []),
      ];
    });
    const right = (title: string) => ({ title, align: 'right' as const });
    writeTable(output, [{ title: 'edge' }, right('score'), ...(errors ? [right('± error')] : [])], rows);
    const more = edges.length - TOP_EDGES;
    const remarks = [
      ...(more > 0 ? [`and ${formatCount(more)} more in circuit.json`] : []),
      ...(signed ? ['a positive score supports the answer'] : []),
      ...(errors && intervalFactor ? [`95% intervals: score ± ${formatValue(intervalFactor)} errors`] : []),
    ];
    if (remarks.length > 0) output.line(output.colors.dim(remarks.join('; ')));
    output.line();
  }
  showMeasurements(output, measurements, kept, allSizes);
  output.line();
  output.line(`files   ${folder}/`);
  output.line(`report  ${folder}/report.html`);
  output.line(`next    auto-circuit view ${quoted(folder)}`);
}

function faithfulnessText(measurements: readonly Measurement[], kept: number): string {
  const faithfulness = measurements[0]?.points.find(({ edges }) => edges === kept)?.faithfulness;
  return faithfulness === undefined ? '' : `, faithfulness ${formatFaithfulness(numberOf(faithfulness))}`;
}

/**
 * A row for each size; of many sizes, some evenly chosen ones, and the one kept, unless `all` are wanted.
 */
export function showMeasurements(
  output: Output,
  measurements: readonly Measurement[],
  kept: number | null,
  all: boolean,
): void {
  const [first] = measurements;
  if (!first) return;
  const right = (title: string) => ({ title, align: 'right' as const });
  const asMetric = measurements.some(({ metric }) => metric === 'faithfulness');
  const faithful = !asMetric && first.points.some(({ faithfulness }) => faithfulness !== undefined);
  const columns = [
    right('edges'),
    right('connected'),
    ...(faithful ? [right('faithfulness')] : []),
    ...measurements.map(({ metric, unit }) => right(`${metric} (${unit})`)),
    { title: '' },
  ];
  const chosen = all ? first.points.map((_, i) => i) : chosenSizes(first, kept);
  const rows = chosen.map((i) => {
    const point = first.points[i]!;
    return [
      formatCount(point.edges),
      formatCount(point.edgesConnected),
      ...(faithful ? [formatFaithfulness(numberOf(point.faithfulness ?? null))] : []),
      ...measurements.map(({ points }) => formatValue(numberOf(points[i]!.value))),
      point.edges === kept ? 'kept' : '',
    ];
  });
  const whole = [
    'model',
    '',
    ...(faithful ? [formatFaithfulness(1)] : []),
    ...measurements.map(({ model }) => formatValue(numberOf(model))),
    '',
  ];
  writeTable(output, columns, [...rows, whole]);
  const more = first.points.length - rows.length;
  if (more > 0) output.line(output.colors.dim(`and ${countOf(more, 'size')} more in measurements.json`));
}

function chosenSizes({ points }: Measurement, kept: number | null): number[] {
  const all = points.map((_, i) => i);
  if (all.length <= MOST_SIZES) return all;
  const even = Array.from({ length: MOST_SIZES - 1 }, (_, k) => Math.round((k * (all.length - 1)) / (MOST_SIZES - 2)));
  const keptIndex = points.findIndex(({ edges }) => edges === kept);
  return [...new Set([...even, ...(keptIndex >= 0 ? [keptIndex] : [])])].sort((a, b) => a - b);
}

const numberOf = (value: number | 'inf' | '-inf' | null): number =>
  value === 'inf' ? Number.POSITIVE_INFINITY : value === '-inf' ? Number.NEGATIVE_INFINITY : (value ?? Number.NaN);
