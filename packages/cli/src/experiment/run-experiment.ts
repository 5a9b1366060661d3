/** @file An experiment from its cells to its files: which are done, who runs the others, what is written when. */
import type { ExperimentCell, ExperimentFolder, ExperimentJson } from '@auto-circuit/core/run';
import type { Cli } from '../context/context.js';
import { comparisonReport, reportAddress } from '../report/comparison.js';
import { countOf } from '../terminal/numbers.js';
import type { CellHost } from './cell-cli.js';
import { type FinishedCell, readFinishedCells, resultRows } from './collect-results.js';
import { createDisplay } from './display.js';
import type { PlannedCell } from './plan.js';
import { runCells } from './run-cells.js';
import { workerHere, workerProcess } from './worker-process.js';

/** An experiment whose cells are planned. */
export interface ExperimentRequest {
  readonly name: string;
  /** The experiment file's content. */
  readonly asked: Readonly<Record<string, unknown>>;
  readonly planned: readonly PlannedCell[];
  /** Of these, the names of the cells that are to be run now; the others stay as they are. */
  readonly wanted: ReadonlySet<string>;
  /** Threads of a session. */
  readonly threads: number;
  /** Worker processes; 0: everything in this one. */
  readonly workers: number;
  /** The kinds of hardware that cells were computed on, where they are more than one. */
  readonly hardware?: readonly string[];
}
/** Where an experiment stands after it was run or interrupted. */
export interface ExperimentOutcome {
  readonly cells: readonly ExperimentCell[];
  readonly finished: readonly FinishedCell[];
  /** Ctrl-C came before all was done. */
  readonly interrupted: boolean;
}

/** How cells stand before anything is run. */
export async function cellStates(planned: readonly PlannedCell[], folder: string): Promise<ExperimentCell[]> {
  const { cellFolder, cellProgress } = await import('@auto-circuit/core/run');
  return planned.map(({ cell: { name, task, algo, seed }, hash, error }): ExperimentCell => {
    const known = { name, task, algo, seed, hash };
    if (hash === null) return { ...known, state: 'failed', error: error ?? 'unknown' };
    return { ...known, state: cellProgress(cellFolder(folder, hash)) === 'done' ? 'done' : 'waiting' };
  });
}

/** Runs what is left to do, then writes the results of all that is done. */
export async function runExperiment(
  cli: Cli,
  host: CellHost,
  store: ExperimentFolder,
  request: ExperimentRequest,
): Promise<ExperimentOutcome> {
  const { cellFolder } = await import('@auto-circuit/core/run');
  const { planned, wanted, workers, name, asked, threads, hardware } = request;
  const cells = await cellStates(planned, store.folder);
  const mixed = hardware ? { hardware: [...hardware] } : {};
  const experiment = (): ExperimentJson => ({
    format: 'auto-circuit experiment 1',
    name,
    asked,
    threads,
    ...mixed,
    cells,
  });
  await store.writeExperiment(experiment());
  const left = planned.filter(({ cell }, i) => wanted.has(cell.name) && cells[i]!.state === 'waiting');
  // Cells of one content are one folder.
  const byHash = new Map(left.map((one) => [one.hash!, one]));
  const orders = [...byHash.values()].map(({ cell, hash }) => ({ cell, folder: cellFolder(store.folder, hash!) }));
  const slots = Math.max(1, workers);
  cli.output.note(headerLine(cells, orders.length, workers, threads));
  const display = createDisplay(cli.output, Math.min(slots, orders.length), cells.length, cells.length - left.length);
  const settle = (hash: string, change: Pick<ExperimentCell, 'state' | 'error'>): void => {
    for (const [i, cell] of cells.entries()) if (cell.hash === hash) cells[i] = { ...cell, ...change };
  };
  let writing = Promise.resolve();
  try {
    await runCells(
      orders,
      slots,
      async () => (workers === 0 ? workerHere(host, cli.signal) : workerProcess(host)),
      {
        onStart: (slot, { cell }) => display.start(slot, cell),
        onProgress: (slot, phase, done, total) => display.progress(slot, phase, done, total),
        onRetry: (_, { cell }, reason) => display.retry(cell, reason),
        async onEnd(slot, { cell, folder }, outcome) {
          display.end(slot, cell, outcome);
          if (outcome.kind === 'interrupted') return;
          const { hash } = planned.find((one) => one.cell === cell && cellFolder(store.folder, one.hash!) === folder)!;
          if (outcome.kind === 'done') settle(hash!, { state: 'done' });
          else settle(hash!, { state: 'failed', error: outcome.error });
          writing = writing.then(() => store.writeExperiment(experiment()));
          await writing;
        },
      },
      cli.signal,
    );
  } finally {
    display.stop();
  }
  const done = planned.flatMap(({ cell, hash }, i) => (cells[i]!.state === 'done' ? [{ cell, hash: hash! }] : []));
  const finished = await readFinishedCells(done, store.folder, (cell, error) => {
    const i = planned.findIndex((one) => one.cell === cell);
    cells[i] = { ...cells[i]!, state: 'failed', error };
  });
  await writeAll(cli, store, experiment(), finished);
  return { cells, finished, interrupted: cli.signal.aborted };
}

/** `36 cells, 12 done · 24 runs to do · 2 workers with 1 thread each`. */
function headerLine(cells: readonly ExperimentCell[], left: number, workers: number, threads: number): string {
  const done = cells.filter(({ state }) => state === 'done').length;
  const who =
    workers === 0
      ? `in this process, ${countOf(threads, 'thread')}`
      : `${countOf(workers, 'worker')} with ${countOf(threads, 'thread')} each`;
  return [`${countOf(cells.length, 'cell')}, ${done} done`, `${countOf(left, 'run')} to do`, who].join(' · ');
}

async function writeAll(
  cli: Cli,
  store: ExperimentFolder,
  experiment: ExperimentJson,
  finished: readonly FinishedCell[],
): Promise<void> {
  await store.writeExperiment(experiment);
  await store.writeResults(experiment.name, resultRows(finished));
  if (finished.length === 0) return;
  const { cellFolder } = await import('@auto-circuit/core/run');
  const runs = finished.map(({ cell, run, hash }) => ({
    input: run,
    label: cell.algo,
    group: cell.task,
    href: reportAddress(store.folder, cellFolder(store.folder, hash)),
  }));
  await store.writeReport(await comparisonReport(cli, titleOf(experiment), runs));
}

/** Where cells were computed on several kinds of hardware, the report says so at its head. */
const titleOf = ({ name, hardware = [] }: ExperimentJson): string =>
  hardware.length > 1 ? `${name}, computed on ${hardware.length} kinds of hardware: ${hardware.join(' | ')}` : name;
