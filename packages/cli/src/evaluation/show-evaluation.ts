/** @file What `evaluate` prints. */
import type { Measurement } from '@auto-circuit/core/run';
import type { Cli } from '../context/context.js';
import type { OpenedRun } from '../run/open-run.js';
import { showMeasurements } from '../show/show-run.js';
import { formatValue } from '../terminal/numbers.js';
import { writeTable } from '../terminal/table.js';
import type { CurveNumber } from './curve-numbers.js';

/** What `evaluate` measured, and of what. */
export interface Evaluation {
  readonly run: string | null;
  readonly circuit: string | null;
  /** Scores that belong to no run. */
  readonly scores?: string | null;
  readonly opened: OpenedRun;
  readonly measurements: readonly Measurement[];
  /** Of the whole run. */
  readonly numbers?: readonly CurveNumber[];
  /** Names of the metrics that were asked for. */
  readonly shown: readonly string[];
  readonly kept: number | null;
  readonly allSizes: boolean;
}
/** As a table, or as one JSON document. */
export async function showEvaluation(
  cli: Cli,
  { run, circuit, scores = null, opened, measurements, numbers = [], shown, kept, allSizes }: Evaluation,
): Promise<void> {
  if (cli.output.jsonOnly) {
    const { withoutPromptValues } = await import('@auto-circuit/core/run');
    cli.output.json({
      run,
      circuit,
      ...(scores === null ? {} : { scores }),
      task: opened.dataName,
      model: opened.model.name,
      edges_total: opened.graph.edgeCount,
      measurements: withoutPromptValues(measurements),
      ...(numbers.length > 0
        ? { curve_numbers: Object.fromEntries(numbers.map(({ name, value }) => [name, value])) }
        : {}),
    });
    return;
  }
  // A row needs all its metrics; a run may have others at other sizes.
  const asked = measurements.filter(({ metric }) => shown.includes(metric));
  const common = asked.map((measurement) => ({
    ...measurement,
    points: measurement.points.filter(({ edges }) =>
      asked.every(({ points }) => points.some((point) => point.edges === edges)),
    ),
  }));
  showMeasurements(cli.output, common, kept, allSizes);
  if (numbers.length === 0) return;
  cli.output.line();
  const rows = numbers.map(({ name, value }) => [name, formatValue(value)]);
  writeTable(cli.output, [{ title: 'of the whole run' }, { title: '', align: 'right' }], rows);
}
