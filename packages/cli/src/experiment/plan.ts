/** @file Opens the model and the prompts of every task once, to know each cell's address and so which cells are done. */
import { basename } from 'node:path';
import type { Progress } from '@auto-circuit/core/plugin';
import { AutoCircuitError, unknownName } from '@auto-circuit/core/startup';
import type { Cli } from '../context/context.js';
import { algoOptions, namedAlgo } from '../run/choose-algo.js';
import { ablationNamed, metricsNamed, objectiveNamed, selectionNamed } from '../run/named-contributions.js';
import { type OpenedRun, openRun } from '../run/open-run.js';
import { runRequest } from '../run/run-request.js';
import { errorText } from '../terminal/advice.js';
import { errorKind } from '../terminal/errors.js';
import { type CellCommandLine, type CellHost, cellCommandLine } from './cell-cli.js';
import type { Cell } from './cells.js';
import type { OpenedExperiment } from './read-experiment-file.js';
import { SETTING_WORDS } from './setting-words.js';

/** A cell with its address, or with what stands against it. */
export interface PlannedCell {
  readonly cell: Cell;
  readonly hash: string | null;
  readonly error: string | null;
  /** How many units its scores can be divided into; null: it cannot be divided. */
  readonly units: number | null;
  /** And the measurement of its circuits. */
  readonly measureUnits: number | null;
}

const UNDIVIDED = { units: null, measureUnits: null } as const;

/** Names and options are checked before anything is opened. @throws AutoCircuitError naming the key of the file */
export async function checkNames({ experiment, path }: OpenedExperiment, base: Cli, host: CellHost): Promise<void> {
  const registry = await base.registry();
  const file = basename(path);
  for (const [i, task] of experiment.tasks.entries()) {
    const name = typeof task === 'string' ? task : task.task;
    if (name === undefined || registry.has('task', name)) continue;
    throw unknownName(`experiment ${file}: tasks[${i}]`, 'task', name, registry.names('task'));
  }
  for (const [i, name] of (experiment.metrics ?? []).entries()) {
    const where = `experiment ${file}: metrics[${i}]`;
    await saidAt(where, () => metricsNamed(base, where, name));
  }
  for (const [i, entry] of experiment.algos.entries()) {
    const { algo, options = {} } = typeof entry === 'string' ? { algo: entry } : entry;
    const where = `experiment ${file}: algos[${i}]`;
    const flags = Object.entries(options).map(([name, value]) => ({ prefix: 'algo', name, value: String(value) }));
    const cli = Object.freeze({ ...base, tableFlags: [...host.backendFlags, ...flags] });
    await saidAt(where, async () => algoOptions(cli, await namedAlgo(cli, where, algo), null));
  }
  const settings = [experiment.settings ?? {}, ...experiment.tasks.filter((task) => typeof task === 'object')];
  for (const { ablation, objective, select } of settings) {
    const at = (key: string): string => `experiment ${file}: ${key}`;
    if (objective !== undefined) await saidAt(at('objective'), () => objectiveNamed(base, at('objective'), objective));
    if (ablation !== undefined) await saidAt(at('ablation'), () => ablationNamed(base, at('ablation'), ablation));
    if (select !== undefined) await saidAt(at('select'), () => selectionNamed(base, at('select'), select));
  }
}

/** @throws AutoCircuitError what `check` throws, said of this place in the file */
async function saidAt(where: string, check: () => Promise<unknown>): Promise<void> {
  try {
    await check();
  } catch (cause) {
    if (!(cause instanceof AutoCircuitError)) throw cause;
    throw new AutoCircuitError({ ...cause.parts, where, cause });
  }
}

/** One for each cell, in their order. Weights are converted and cached here, before workers map them. */
export async function planCells(
  cells: readonly Cell[],
  base: Cli,
  host: CellHost,
  progress: Progress,
): Promise<PlannedCell[]> {
  const planned = new Map<Cell, PlannedCell>();
  const keys = [...new Set(cells.map(({ openKey }) => openKey))];
  for (const [i, key] of keys.entries()) {
    base.signal.throwIfAborted();
    progress.report(i, keys.length, 'tasks');
    const group = cells.filter(({ openKey }) => openKey === key);
    let opened: OpenedRun;
    try {
      const { cli, command } = await cellCommandLine(base, host, group[0]!);
      opened = await openRun(cli, command);
    } catch (error) {
      for (const cell of group) planned.set(cell, { cell, hash: null, error: failureText(error), ...UNDIVIDED });
      continue;
    }
    try {
      for (const cell of group) planned.set(cell, await planOne(cell, opened, base, host));
    } finally {
      await opened.dispose();
    }
  }
  return cells.map((cell) => planned.get(cell)!);
}

async function planOne(cell: Cell, opened: OpenedRun, base: Cli, host: CellHost): Promise<PlannedCell> {
  try {
    return await plannedCell(cell, opened, await cellCommandLine(base, host, cell));
  } catch (error) {
    return { cell, hash: null, error: failureText(error), ...UNDIVIDED };
  }
}

/** The address of a cell on what was opened for it. @throws AutoCircuitError for what stands against it */
export async function plannedCell(
  cell: Cell,
  opened: OpenedRun,
  { cli, command }: CellCommandLine,
): Promise<PlannedCell> {
  const { measureUnits, scoreUnits } = await import('@auto-circuit/core/run');
  const named = await namedAlgo(cli, 'experiment', String(cell.flags.algo));
  const made = await runRequest(cli, command, opened, named);
  const { request } = made;
  return {
    cell,
    hash: await addressOf(made, opened),
    error: null,
    units: scoreUnits(request),
    measureUnits: measureUnits(request),
  };
}

/** The hash of everything that decides a run's numbers. */
export async function addressOf(
  { request, identity }: Awaited<ReturnType<typeof runRequest>>,
  { graph }: Pick<OpenedRun, 'graph'>,
): Promise<string> {
  const { cellHash, promptsOfRun, runJsonOf } = await import('@auto-circuit/core/run');
  const prompts = promptsOfRun(request.prompts, graph, request.ablation, request);
  return cellHash(runJsonOf(request, identity, prompts));
}

/** One sentence for an error of a cell. @throws what means that the whole experiment is to stop */
export function failureText(error: unknown): string {
  if (errorKind(error) === 'interrupted') throw error;
  return errorText(error, SETTING_WORDS);
}
