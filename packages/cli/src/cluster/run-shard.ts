/** @file One shard of a plan in this process: its pieces of work one after the other, each done once whoever else tries. */

import { mkdir, readdir, rm } from 'node:fs/promises';
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

/** Which shard, and what is told of it. */
export interface ShardRequest {
  /** Absolute. */
  readonly folder: string;
  readonly plan: PlanJson;
  readonly shard: number;
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
  const { shardFolder } = await import('@auto-circuit/core/run');
  checkPlanHere(plan, folder);
  const isDone = () => recordOfDone(request);
  const before = await isDone();
  if (before) return before;
  await mkdir(shardFolder(folder, shard), { recursive: true });
  const lock = await lockWhenFree(shardFolder(folder, shard), signal, request.onWarning);
  try {
    return (await isDone()) ?? (await doShard(cli, request));
  } finally {
    await lock.release();
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

async function lockWhenFree(path: string, signal: AbortSignal, say: (line: string) => void): Promise<FolderLock> {
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
    await sleep(LOOK_AGAIN_MS, undefined, { signal });
  }
}

async function doShard(cli: Cli, request: ShardRequest): Promise<ShardJson> {
  const { folder, plan, shard, signal, onUnit, onWarning } = request;
  const core = await import('@auto-circuit/core/run');
  const { readShard, shardFolder, shardMachines, writeShard, writeShardProgress } = core;
  const units = plan.units.filter((unit) => unit.shard === shard);
  const runner = await CellRunner.open(plan.host as unknown as CellHost, signal, async (info, memoryBytes) => {
    await core.noteMachine(folder, shard, await core.hardwareHere(info, memoryBytes));
  });
  const failed: Record<string, string> = {};
  const started = performance.now();
  let told = Number.NEGATIVE_INFINITY;
  try {
    for (const [i, unit] of units.entries()) {
      signal.throwIfAborted();
      const { name } = plan.cells[unit.cell]!;
      const tell = async (phase: string): Promise<void> => {
        if (performance.now() - told < PROGRESS_EVERY_MS) return;
        told = performance.now();
        await writeShardProgress(folder, shard, { done: i, total: units.length, cell: name, phase });
      };
      await tell('opening');
      const outcome = await doUnit(runner, request, unit, (phase, done, total) => {
        tell(`${phase} ${done}/${total}`).catch(() => undefined); // for people only
      });
      if (outcome.kind === 'interrupted') throw stopped(folder, shard, i, units.length);
      if (outcome.kind === 'failed') failed[name] = outcome.error;
      else for (const line of outcome.warnings) onWarning(`${name}: ${line}`);
      onUnit(name, outcome.kind === 'failed' ? outcome.error : null);
    }
  } finally {
    await runner.close();
  }
  const seconds = (performance.now() - started) / 1000;
  const hardware = [...(await shardMachines(folder, shard))];
  await writeShard(folder, { format: 'auto-circuit shard 1', shard, failed, hardware, seconds });
  if (Object.keys(failed).length === 0) await removePartial(shardFolder(folder, shard));
  cli.trace(`shard ${shard}: ${units.length} pieces in ${seconds.toFixed(1)} s`);
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
