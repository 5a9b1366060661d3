/** @file What `experiment` prints: the cells with `--dry-run`, and at the end a table of tasks and algorithms, and what failed. */
import type { ExperimentCell, JsonNumber } from '@auto-circuit/core/run';
import { countOf, formatCount, formatFaithfulness } from '../terminal/numbers.js';
import type { Output } from '../terminal/output.js';
import { writeTable } from '../terminal/table.js';
import type { FinishedCell } from './collect-results.js';

const right = (title: string) => ({ title, align: 'right' as const });

/** `--dry-run`: a row for each cell with its state. */
export function showCells(output: Output, cells: readonly ExperimentCell[], states: readonly string[]): void {
  writeTable(
    output,
    [{ title: 'cell' }, { title: 'folder' }, { title: 'state' }],
    cells.map(({ name, hash, error }, i) => [
      name,
      hash === null ? '' : `cells/${hash}`,
      error === undefined ? states[i]! : `${states[i]!}: ${error}`,
    ]),
  );
}

/** A row for each task and algorithm: the circuits kept, over the seeds. */
export function showSummary(output: Output, finished: readonly FinishedCell[]): void {
  const groups = new Map<string, FinishedCell[]>();
  for (const one of finished) {
    const key = `${one.cell.task} ${one.cell.algo}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  writeTable(
    output,
    [{ title: 'task' }, { title: 'algorithm' }, right('seeds'), right('edges kept'), right('faithfulness')],
    [...groups.values()].map((group) => {
      const { cell } = group[0]!;
      const edges = group.map(({ run }) => run.circuit.edges.length);
      const faithful = group.map(faithfulnessKept).filter((value) => value !== null);
      return [cell.task, cell.algo, `${group.length}`, range(edges, formatCount), range(faithful, formatFaithfulness)];
    }),
  );
}

/** Of the circuit kept, or null where faithfulness has no value. */
export function faithfulnessKept({ run }: FinishedCell): number | null {
  const point = run.measurements[0]?.points.find(({ edges }) => edges === run.circuit.edges.length);
  return point?.faithfulness === undefined ? null : numberOf(point.faithfulness);
}

const numberOf = (value: JsonNumber): number =>
  value === 'inf' ? Number.POSITIVE_INFINITY : value === '-inf' ? Number.NEGATIVE_INFINITY : value;

/** `0.9120`, or from the least to the most. */
function range(values: readonly number[], format: (value: number) => string): string {
  if (values.length === 0) return '';
  const least = format(values.reduce((a, b) => Math.min(a, b)));
  const most = format(values.reduce((a, b) => Math.max(a, b)));
  return least === most ? least : `${least} – ${most}`;
}

/** Why cells failed, one line each. */
export function showFailures(
  output: Output,
  cells: readonly ExperimentCell[],
  again = 'run the same command with --resume to try them again',
): void {
  const failed = cells.filter(({ state }) => state === 'failed');
  if (failed.length === 0) return;
  output.line();
  output.line(output.colors.red(`${countOf(failed.length, 'cell')} failed`));
  for (const { name, error } of failed) output.line(`${name}: ${error}`);
  output.line(again);
}
