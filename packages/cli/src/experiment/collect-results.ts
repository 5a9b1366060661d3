/** @file The finished cells read back from their folders: rows of the table of results, and what the report is made of. */
import { sep } from 'node:path';
import type { ReportInput, ResultRow } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { errorText } from '../terminal/advice.js';
import type { Cell } from './cells.js';

/** A cell with what its run folder holds. */
export interface FinishedCell {
  readonly cell: Cell;
  readonly hash: string;
  readonly run: ReportInput;
}

/** In the order of `cells`. `onBroken` is called for each folder whose files cannot be read. */
export async function readFinishedCells(
  cells: readonly { readonly cell: Cell; readonly hash: string }[],
  folder: string,
  onBroken: (cell: Cell, error: string) => void,
): Promise<FinishedCell[]> {
  const { cellFolder, readFinishedRun } = await import('@auto-circuit/core/run');
  const finished: FinishedCell[] = [];
  for (const { cell, hash } of cells) {
    try {
      finished.push({ cell, hash, run: await readFinishedRun(cellFolder(folder, hash)) });
    } catch (error) {
      if (!(error instanceof AutoCircuitError)) throw error;
      onBroken(cell, errorText(damagedCell(error, cellFolder(folder, hash))));
    }
  }
  return finished;
}

/** What a cell's folder is said to need. It is not made again on its own: somebody may want to look at what is left of it. */
export function damagedCell<T>(error: T, folder: string): T | AutoCircuitError {
  if (!(error instanceof AutoCircuitError) || !DAMAGE.includes(`${error.code}`)) return error;
  const { path } = error.fields ?? {};
  if (typeof path !== 'string' || !`${path}${sep}`.startsWith(`${folder}${sep}`)) return error;
  return new AutoCircuitError({ ...error.parts, code: 'run-damaged', fix: `remove ${folder}, and it is made again` });
}
const DAMAGE: readonly string[] = ['run-damaged', 'run-exists', 'invalid-json', 'invalid-file'];

/** A row for each metric and size of each cell, in their order. */
export function resultRows(finished: readonly FinishedCell[]): ResultRow[] {
  return finished.flatMap(({ cell, run: { run, circuit, measurements } }) =>
    measurements.flatMap(({ metric, unit, points, model, empty }) =>
      points.map(
        ({ requested, edges, edgesConnected, value, standardError = null, faithfulness = null }): ResultRow => ({
          cell: cell.name,
          task: cell.task,
          model: run.asked.model.name,
          algo: cell.algo,
          seed: cell.seed,
          metric,
          unit,
          requested,
          edges,
          edgesConnected,
          kept: edges === circuit.edges.length,
          value,
          standardError,
          faithfulness,
          ofModel: model,
          ofEmpty: empty,
        }),
      ),
    ),
  );
}
