/** @file What `discover` and `evaluate` print: the top edges, metrics by size, where the files are, what to type next. */
import type { DiscoverResult, Graph, Measurement } from '@auto-circuit/core';
import { formatCount, formatValue, type Output, writeTable } from './terminal/index.js';

const TOP_EDGES = 10;
/** Edges of the circuit that the JSON document holds. */
const JSON_EDGES = 100;
const MOST_SIZES = 14;

export interface ShownRun {
  readonly result: DiscoverResult;
  readonly graph: Graph;
  /** As the user would type it. */
  readonly folder: string;
}

export async function showRun(output: Output, { result, graph, folder }: ShownRun): Promise<void> {
  const { circuitToJson } = await import('@auto-circuit/core');
  const { circuit, scores, standardErrors, measurements, timings, run } = result;
  const { edges } = circuitToJson(circuit, scores);
  if (output.jsonOnly) {
    output.json({
      run: result.folder,
      task: run?.asked.data.name ?? null,
      model: run?.asked.model.name ?? null,
      algo: run?.asked.algo.name ?? null,
      edges_total: graph.edgeCount,
      circuit: edges.slice(0, JSON_EDGES),
      measurements,
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
        error === undefined ? '' : formatValue(numberOf(error ?? null)),
      ];
    });
    const right = (title: string) => ({ title, align: 'right' as const });
    writeTable(output, [{ title: 'edge' }, right('score'), right('± error')], rows);
    output.line(
      output.colors.dim(
        edges.length > TOP_EDGES
          ? `and ${formatCount(edges.length - TOP_EDGES)} more in circuit.json; a positive score supports the answer`
          : 'a positive score supports the answer',
      ),
    );
    output.line();
  }
  showMeasurements(output, measurements, kept);
  output.line();
  output.line(`files   ${folder}/`);
  output.line(`report  ${folder}/report.html`);
  output.line(`next    auto-circuit view ${quoted(folder)}`);
}

function faithfulnessText(measurements: readonly Measurement[], kept: number): string {
  const faithfulness = measurements[0]?.points.find(({ edges }) => edges === kept)?.faithfulness;
  return faithfulness === undefined ? '' : `, faithfulness ${formatValue(numberOf(faithfulness))}`;
}

/** A row for each size; of many sizes, some evenly chosen ones, and the one kept. */
export function showMeasurements(output: Output, measurements: readonly Measurement[], kept: number | null): void {
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
  const rows = chosenSizes(first, kept).map((i) => {
    const point = first.points[i]!;
    return [
      formatCount(point.edges),
      formatCount(point.edgesConnected),
      ...(faithful ? [formatValue(numberOf(point.faithfulness ?? null))] : []),
      ...measurements.map(({ points }) => formatValue(numberOf(points[i]!.value))),
      point.edges === kept ? 'kept' : '',
    ];
  });
  const whole = [
    'model',
    '',
    ...(faithful ? ['1'] : []),
    ...measurements.map(({ model }) => formatValue(numberOf(model))),
    '',
  ];
  writeTable(output, columns, [...rows, whole]);
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
const quoted = (text: string): string => (/^[\w./-]+$/.test(text) ? text : JSON.stringify(text));
