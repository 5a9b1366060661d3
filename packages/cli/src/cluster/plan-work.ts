/** @file From a command line to a plan: which cells there are, which of them are divided, and which shard does what. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { MeasureUnit, PlanJson, PlanUnit } from '@auto-circuit/core/run';
import type { Command } from 'commander';
import type { Cli } from '../context/context.js';
import { packageVersion } from '../context/package-version.js';
import { type CellHost, cellCommandLine, hostCli } from '../experiment/cell-cli.js';
import type { Cell, CellFlags } from '../experiment/cells.js';
import { type PlannedCell, plannedCell } from '../experiment/plan.js';
import type { FlagTable } from '../flags/flag-table.js';
import { BACKEND_FLAGS, DATA_FLAGS, GRAPH_FLAGS, OBJECTIVE_FLAGS } from '../flags/shared-flags.js';
import { openRun } from '../run/open-run.js';
import { givenFlags } from '../run/run-defaults.js';
import { ALGO_FLAGS, KEEP_FLAGS, MEASURE_FLAGS, PROMPT_FLAGS, SETTING_FLAGS, SOURCE_FLAGS } from '../run/run-flags.js';
import { chosenAlgo } from '../run/run-request.js';

const { backend: BACKEND, device: DEVICE } = BACKEND_FLAGS;
/** Flags of `discover` that make a run what it is. */
const RUN_TABLES: readonly FlagTable[] = [
  SOURCE_FLAGS,
  ALGO_FLAGS,
  OBJECTIVE_FLAGS,
  MEASURE_FLAGS,
  KEEP_FLAGS,
  PROMPT_FLAGS,
  SETTING_FLAGS,
  GRAPH_FLAGS,
  DATA_FLAGS,
  { backend: BACKEND, device: DEVICE },
];

/** The one cell of a command line with the flags of `discover`: those that were given. */
export function runCell(cli: Cli, command: Command): Cell {
  const given = new Set(givenFlags(command));
  const flags: Record<string, string | number | boolean> = {};
  for (const table of RUN_TABLES) {
    const values = cli.flags(table) as Readonly<Record<string, string | number | boolean | undefined>>;
    for (const [name, { opposite }] of Object.entries(table)) {
      const value = values[name];
      if (value !== undefined && (given.has(name) || (opposite !== undefined && given.has(camelCase(opposite))))) {
        flags[name] = value;
      }
    }
  }
  const algoFlags = cli.tableFlags.filter(({ prefix }) => prefix === 'algo');
  const [algo, seed] = [`${flags.algo ?? ''}`, Number(flags.seed ?? 0)];
  const task = `${flags.task ?? flags.data ?? ''}`;
  return { name: 'run', task, algo, seed, flags: flags as CellFlags, algoFlags, openKey: 'run' };
}

const camelCase = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** Opens model and prompts of the one run. @throws AutoCircuitError what `discover` would throw */
export async function planRun(cell: Cell, host: CellHost, signal: AbortSignal): Promise<PlannedCell> {
  const line = await cellCommandLine(await hostCli(host, signal), host, cell);
  await chosenAlgo(line.cli, line.command);
  const opened = await openRun(line.cli, line.command);
  try {
    return await plannedCell(cell, opened, line);
  } finally {
    await opened.dispose();
  }
}

/** What a plan is made from. */
export interface WorkToPlan {
  readonly name: string;
  readonly kind: PlanJson['kind'];
  readonly shards: number;
  readonly threads: number;
  readonly asked: Readonly<Record<string, unknown>>;
  readonly host: CellHost;
  readonly planned: readonly PlannedCell[];
}

/**
 * The plan of some work. Where there are fewer cells than shards, the scores of each cell that allows it are divided. There are
 * no more shards than pieces of work.
 */
export function planOf({ name, kind, shards, threads, asked, host, planned }: WorkToPlan): Omit<PlanJson, 'sha256'> {
  const hashes = planned.map(({ hash }) => hash);
  const own = planned.map(({ hash }, i) => hash !== null && hashes.indexOf(hash) === i); // cells of one content are run once
  const count = own.filter(Boolean).length;
  const pieces = Math.ceil(shards / Math.max(1, count));
  const work = planned.flatMap(({ units }, cell) =>
    own[cell] ? rangesOf(units, pieces).map((range) => ({ cell, range })) : [],
  );
  const used = Math.max(1, Math.min(shards, work.length));
  const units = work.map((unit, i): PlanUnit => ({ ...unit, shard: Math.floor((i * used) / work.length) }));
  return {
    format: 'auto-circuit plan 1',
    name,
    kind,
    version: packageVersion(),
    shards: used,
    threads,
    asked: { ...asked },
    host: { ...host },
    cells: planned.map(({ cell, hash, error }) => ({ name: cell.name, hash, error, cell: { ...cell } })),
    units,
    measures: planned.flatMap(({ measureUnits }, cell) => measuresOf(cell, measureUnits, units)),
  };
}

/** The measurement of a cell whose scores are divided is divided among the same shards. */
function measuresOf(cell: number, measureUnits: number | null, units: readonly PlanUnit[]): MeasureUnit[] {
  const shards = [...new Set(units.flatMap((unit) => (unit.cell === cell && unit.range !== null ? [unit.shard] : [])))];
  return rangesOf(measureUnits, shards.length).flatMap((range, i) =>
    range === null ? [] : [{ cell, range, shard: shards[i]! }],
  );
}

/** Ranges of nearly equal size, in order; one without bounds where nothing can be divided. */
function rangesOf(units: number | null, pieces: number): PlanUnit['range'][] {
  const count = Math.min(units ?? 1, pieces);
  if (units === null || count <= 1) return [null];
  const cut = (i: number) => Math.round((i * units) / count);
  return Array.from({ length: count }, (_, i) => [cut(i), cut(i + 1)]);
}

/** The folder that a command names. */
export const planFolder = (cli: Cli, name: string): string => resolve(cli.cwd, name);

/** Whether what a plan's processes start from is there: on another machine it may not be. */
export const hostIsHere = ({ cwd }: CellHost): boolean => existsSync(cwd);
