/** @file One shard of a plan in this process: its pieces of work one after the other, each done once whoever else tries. */

import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FolderLock, PlanJson, PlanUnit, ShardJson } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { Cli } from '../context/context.js';
import { packageVersion } from '../context/package-version.js';
import type { CellHost } from '../experiment/cell-cli.js';
import type { Cell } from '../experiment/cells.js';
import { type CellProgressReport, CellRunner } from '../experiment/run-cell.js';
import { hostIsHere } from './plan-work.js';
import { measuringShares } from './shared-runs.js';

/** Which shard, and what is told of it. */
export interface ShardRequest {
  /** Absolute. */
  readonly folder: string;
  readonly plan: PlanJson;
  readonly shard: number;
  /** Whether it leaves the measurement of circuits to who collects: what other shards do cannot be seen here. */
  readonly alone?: boolean;
  /** Aborted where the process is to end after this step. */
  readonly signal: AbortSignal;
  readonly onWarning: (line: string) => void;
  /** A piece of work has ended, done or failed. */
  readonly onUnit: (name: string, error: string | null) => void;
}

/** How often a process that waits for another looks again, in ms. */
const LOOK_AGAIN_MS = 500;
/** Progress is written for people at most so often, in ms. */
const PROGRESS_EVERY_MS = 1000;

/**
 * Does a shard, or what an earlier process left of it, or waits while another process does it.
 * @returns how it ended, from its record
 * @throws AutoCircuitError `plan-changed` for another version of the program; `interrupted` on an abort
 */
export async function runShard(cli: Cli, request: ShardRequest): Promise<ShardJson> {
  const { folder, plan, shard, signal } = request;
  const { fileError, makeFolder, shardFolder } = await import('@auto-circuit/core/run');
  checkPlanHere(plan, folder);
  const isDone = () => recordOfDone(request);
  const before = await isDone();
  if (before) return before;
  const path = shardFolder(folder, shard);
  try {
    await makeFolder(path);
    const lock = await lockWhenFree(path, signal, request.onWarning);
    try {
      return (await isDone()) ?? (await doShard(cli, request));
    } finally {
      await lock.release();
    }
  } catch (cause) {
    throw fileError('run-shard', 'write', path, cause);
  }
}

/** The record of a shard whose work is there, whole; null where something of it is to be done, or done again. */
async function recordOfDone({ folder, plan, shard, onWarning }: ShardRequest): Promise<ShardJson | null> {
  const { readShard } = await import('@auto-circuit/core/run');
  const record = await readShard(folder, shard).catch((error: unknown) => {
    if (!(error instanceof AutoCircuitError) || error.code !== 'plan-damaged') throw error;
    onWarning(`${error.parts.what}; the shard is run again, and what is whole of it is kept`);
    return null;
  });
  if (!record || Object.keys(record.failed).length > 0) return null;
  for (const unit of plan.units) if (unit.shard === shard && !(await isUnitDone(folder, plan, unit))) return null;
  return record;
}

/** Whether what came of a piece of work is there. */
async function isUnitDone(folder: string, plan: PlanJson, { cell, range }: PlanUnit): Promise<boolean> {
  const { cellProgress, partFile } = await import('@auto-circuit/core/run');
  const hash = plan.cells[cell]!.hash!;
  return range === null
    ? cellProgress(runFolderOf(folder, plan, hash)) === 'done'
    : isWhole(partFile(folder, hash, range));
}

/** @throws AutoCircuitError `plan-changed` where a shard here would not be what was planned */
export function checkPlanHere(plan: PlanJson, folder: string): void {
  const here = packageVersion();
  const host = plan.host as unknown as CellHost;
  if (plan.version === here && hostIsHere(host)) return;
  const isVersion = plan.version !== here;
  throw new AutoCircuitError({
    code: 'plan-changed',
    fields: { path: folder, changes: [isVersion ? `version: ${plan.version} → ${here}` : `folder: ${host.cwd}`] },
    where: 'plan',
    what: isVersion
      ? `the plan in ${folder} was made by version ${plan.version} of auto-circuit, and this is ${here}`
      : `the plan in ${folder} was made in the folder ${host.cwd}, which is not on this machine`,
    fix: isVersion
      ? 'use the same version on all machines, or plan the work again'
      : 'plan in a folder that all machines see under one path',
  });
}

/** The lock of a folder, when nobody holds it any more. @param say told once who is waited for */
export async function lockWhenFree(
  path: string,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<FolderLock> {
  const { lockFolder } = await import('@auto-circuit/core/run');
  for (let told = false; ; ) {
    signal.throwIfAborted();
    try {
      return await lockFolder(path);
    } catch (error) {
      if (!(error instanceof AutoCircuitError) || error.code !== 'run-locked') throw error;
      if (!told) say(`${error.parts.what}; this process waits for it`);
      told = true;
    }
    await moment(signal);
  }
}

/** A while in which other processes may get further. */
export const moment = (signal: AbortSignal): Promise<void> => sleep(LOOK_AGAIN_MS, undefined, { signal });

async function doShard(cli: Cli, request: ShardRequest): Promise<ShardJson> {
  const { folder, plan, shard, signal, onUnit, onWarning } = request;
  const core = await import('@auto-circuit/core/run');
  const { readShard, shardFolder, shardMachines, writeShard, writeShardProgress } = core;
  const units = plan.units.filter((unit) => unit.shard === shard);
  const measures = request.alone ? [] : plan.measures.filter((unit) => unit.shard === shard);
  const total = units.length + measures.length;
  const runner = await CellRunner.open(plan.host as unknown as CellHost, signal, async (info, memoryBytes) => {
    await core.noteMachine(folder, shard, await core.hardwareHere(info, memoryBytes));
  });
  const failed: Record<string, string> = {};
  const started = performance.now();
  let told = Number.NEGATIVE_INFINITY;
  const tell = async (done: number, cell: string, phase: string): Promise<void> => {
    if (performance.now() - told < PROGRESS_EVERY_MS) return;
    told = performance.now();
    await writeShardProgress(folder, shard, { done, total, cell, phase });
  };
  const reporter =
    (i: number, name: string): CellProgressReport =>
    (phase, done, of) => {
      tell(i, name, `${phase} ${done}/${of}`).catch(() => undefined); // for people only
    };
  const note = (i: number, name: string, what: string, outcome: UnitOutcome): void => {
    if (outcome.kind === 'interrupted') throw stopped(folder, shard, i, total);
    if (outcome.kind === 'failed') failed[name] = outcome.error;
    else for (const line of outcome.warnings) onWarning(`${name}: ${line}`);
    onUnit(what, outcome.kind === 'failed' ? outcome.error : null);
  };
  try {
    for (const [i, unit] of units.entries()) {
      signal.throwIfAborted();
      const { name } = plan.cells[unit.cell]!;
      await tell(i, name, 'opening');
      note(i, name, name, await doUnit(runner, request, unit, reporter(i, name)));
    }
    for (const [k, { cell }] of measures.entries()) {
      const [i, { name }] = [units.length + k, plan.cells[cell]!];
      if (failed[name] !== undefined || !(await scoresAreThere(request, cell, () => tell(i, name, 'waiting'))))
        continue;
      note(i, name, `${name}: circuits`, await measureCell(runner, request, cell, reporter(i, name)));
    }
  } finally {
    await runner.close();
  }
  const seconds = (performance.now() - started) / 1000;
  const hardware = [...(await shardMachines(folder, shard))];
  await writeShard(folder, { format: 'auto-circuit shard 1', shard, failed, hardware, seconds });
  if (Object.keys(failed).length === 0) await removePartial(shardFolder(folder, shard));
  cli.trace(`shard ${shard}: ${total} pieces in ${seconds.toFixed(1)} s`);
  return (await readShard(folder, shard))!;
}

type UnitOutcome =
  | { readonly kind: 'done'; readonly warnings: readonly string[] }
  | { readonly kind: 'failed'; readonly error: string }
  | { readonly kind: 'interrupted' };

async function doUnit(
  runner: CellRunner,
  { folder, plan, shard, onWarning }: ShardRequest,
  unit: PlanUnit,
  onProgress: CellProgressReport,
): Promise<UnitOutcome> {
  if (await isUnitDone(folder, plan, unit)) return { kind: 'done', warnings: [] };
  const { partFile, shardCheckpoint } = await import('@auto-circuit/core/run');
  const { cell: index, range } = unit;
  const cell = plan.cells[index]!.cell as unknown as Cell;
  const hash = plan.cells[index]!.hash!;
  if (range === null) return runner.run({ cell, folder: runFolderOf(folder, plan, hash), hash }, onProgress);
  const checkpoint = shardCheckpoint(folder, shard, hash, range, onWarning);
  const outcome = await runner.share({ cell, hash, range, checkpoint }, onProgress);
  if (outcome.kind === 'done') await partFile(folder, hash, range).save(outcome.data, { final: true });
  return outcome;
}

/**
 * Whether the scores of a cell are there, of all shards: those that run are waited for. Where some do not run, the circuits are
 * left to them, since they may begin in an hour.
 */
async function scoresAreThere(
  { folder, plan, signal }: ShardRequest,
  cell: number,
  tell: () => Promise<void>,
): Promise<boolean> {
  const { partFile, shardStatus } = await import('@auto-circuit/core/run');
  const units = plan.units.filter((unit) => unit.cell === cell && unit.range !== null);
  const isThere = ({ range }: PlanUnit) => existsSync(partFile(folder, plan.cells[cell]!.hash!, range!).path!);
  for (;;) {
    const missing = units.find((unit) => !isThere(unit));
    if (!missing) return true;
    const { state } = await shardStatus(folder, missing.shard);
    if (state !== 'running' && !isThere(missing)) return false;
    await tell();
    await moment(signal);
  }
}

/** This process's part in measuring the circuits of a cell. */
async function measureCell(
  runner: CellRunner,
  { folder, plan, shard, signal }: ShardRequest,
  index: number,
  onProgress: CellProgressReport,
): Promise<UnitOutcome> {
  const { partsOfCell } = await import('@auto-circuit/core/run');
  const { cell, hash } = plan.cells[index]!;
  const units = plan.measures.filter((unit) => unit.cell === index);
  const measuring = measuringShares({ folder, hash: hash!, units, shard, wait: () => moment(signal) });
  let damage: AutoCircuitError | null = null;
  async function* parts() {
    try {
      yield* partsOfCell(folder, plan, index);
    } catch (error) {
      if (error instanceof AutoCircuitError && error.code === 'plan-damaged') damage = error;
      throw error;
    }
  }
  const outcome = await runner.measure({ cell: cell as unknown as Cell, hash: hash!, parts, measuring }, onProgress);
  if (damage === null) return outcome;
  // Of another shard: who collects names it, and measures when it has been run again.
  return { kind: 'done', warnings: [(damage as AutoCircuitError).parts.what] };
}

/** Whether what came of some units is there already; a damaged file is made again. */
async function isWhole(file: ReturnType<typeof import('@auto-circuit/core/run')['partFile']>): Promise<boolean> {
  try {
    return (await file.load()) !== null;
  } catch (error) {
    if (error instanceof AutoCircuitError && error.code === 'wrong-checkpoint') return false;
    throw error;
  }
}

/** Where the run of a cell goes: that of a plan of one run is the result itself. */
export function runFolderOf(folder: string, { kind }: PlanJson, hash: string): string {
  return kind === 'run' ? join(folder, RESULT) : join(folder, RESULT, CELLS, hash);
}
const RESULT = 'result';
const CELLS = 'cells';

/** The shard is done: partial work and progress have served. */
async function removePartial(path: string): Promise<void> {
  const names = (await readdir(path)).filter((name) => name.startsWith('partial-') || name === 'progress.json');
  for (const name of names) await rm(join(path, name), { force: true });
}

const stopped = (folder: string, shard: number, done: number, total: number): AutoCircuitError =>
  new AutoCircuitError({
    code: 'interrupted',
    fields: { path: folder },
    where: 'run-shard',
    what: `stopped with ${done} of ${total} pieces of work done; finished work is saved in ${folder}`,
    fix: `the same command goes on: auto-circuit run-shard ${folder} ${shard}`,
    kind: 'interrupted',
  });
