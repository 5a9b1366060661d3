/** @file The results of a plan whose shards are done: scores put together from their parts, circuits measured, tables and report. */
import { join } from 'node:path';
import type { Hardware, PlanJson } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { Cli } from '../context/context.js';
import type { CellHost } from '../experiment/cell-cli.js';
import type { Cell } from '../experiment/cells.js';
import type { PlannedCell } from '../experiment/plan.js';
import { type CellOrder, type CellOutcome, type CellProgressReport, CellRunner } from '../experiment/run-cell.js';
import { type ExperimentOutcome, runExperiment } from '../experiment/run-experiment.js';
import { countOf } from '../terminal/numbers.js';
import { checkPlanHere, runFolderOf } from './run-shard.js';

/** Which plan, and what is allowed. */
export interface CollectRequest {
  /** Absolute. */
  readonly folder: string;
  readonly plan: PlanJson;
  /** Whether shards may have been computed on machines that may differ in last digits. */
  readonly mixedHardware: boolean;
  readonly onProgress?: CellProgressReport;
}

/** What was found of the shards. */
interface Shards {
  /** Errors of cells, by name. */
  readonly failed: ReadonlyMap<string, string>;
  /** The kinds of hardware, where they are more than one. */
  readonly hardware: readonly string[] | null;
}

/**
 * The outcome of the one run of a plan.
 * @throws AutoCircuitError `plan-unfinished`, `mixed-hardware`, `plan-changed`, `plan-damaged`
 */
export async function collectRun(cli: Cli, request: CollectRequest): Promise<CellOutcome> {
  const { plan } = request;
  const { failed, hardware } = await checkedShards(request);
  const error = [...failed.values()][0];
  if (error !== undefined) return { kind: 'failed', error };
  const runner = await CellRunner.open(plan.host as unknown as CellHost, cli.signal);
  try {
    return await runWhole(runner, request, 0, hardware);
  } finally {
    await runner.close();
  }
}

/** A divided cell from its parts. @throws AutoCircuitError `plan-damaged` naming the shard of a part that is not what it was */
async function runWhole(
  runner: CellRunner,
  { folder, plan, onProgress }: CollectRequest,
  index: number,
  hardware: readonly string[] | null,
): Promise<CellOutcome> {
  let damage: AutoCircuitError | null = null;
  const onDamage = (error: AutoCircuitError) => {
    damage = error;
  };
  const outcome = await runner.run(await orderOf(folder, plan, index, hardware, onDamage), onProgress);
  if (damage !== null) throw damage;
  return outcome;
}

/**
 * The results of the cells of a plan, as a local experiment writes them.
 * @throws as `collectRun`
 */
export async function collectExperiment(cli: Cli, request: CollectRequest): Promise<ExperimentOutcome> {
  const { folder, plan } = request;
  const { openExperimentFolder, PLAN_FILES } = await import('@auto-circuit/core/run');
  const { failed, hardware } = await checkedShards(request);
  const host = plan.host as unknown as CellHost;
  const divided = [...new Set(plan.units.flatMap(({ cell, range }) => (range === null ? [] : [cell])))];
  const errors = new Map(failed);
  const runner = await CellRunner.open(host, cli.signal);
  try {
    for (const cell of divided.filter((one) => !errors.has(plan.cells[one]!.name))) {
      const outcome = await runWhole(runner, request, cell, hardware);
      if (outcome.kind === 'interrupted') cli.signal.throwIfAborted();
      if (outcome.kind === 'failed') errors.set(plan.cells[cell]!.name, outcome.error);
    }
  } finally {
    await runner.close();
  }
  const store = await openExperimentFolder(join(folder, PLAN_FILES.result), 'resume');
  try {
    return await runExperiment(cli, host, store, {
      name: plan.name,
      asked: plan.asked,
      planned: plan.cells.map(({ name, hash, error, cell }): PlannedCell => {
        const wrong = errors.get(name) ?? error;
        return { cell: cell as unknown as Cell, hash: wrong === null ? hash : null, error: wrong, units: null };
      }),
      wanted: new Set(),
      threads: plan.threads,
      workers: 0,
      ...(hardware ? { hardware } : {}),
    });
  } finally {
    await store.close();
  }
}

async function orderOf(
  folder: string,
  plan: PlanJson,
  index: number,
  hardware: readonly string[] | null,
  onDamage: (error: AutoCircuitError) => void,
): Promise<CellOrder> {
  const { partsOfCell } = await import('@auto-circuit/core/run');
  const { cell, hash } = plan.cells[index]!;
  async function* parts() {
    try {
      yield* partsOfCell(folder, plan, index);
    } catch (error) {
      if (error instanceof AutoCircuitError && error.code === 'plan-damaged') onDamage(error);
      throw error;
    }
  }
  const isDivided = plan.units.some((unit) => unit.cell === index && unit.range !== null);
  return {
    cell: cell as unknown as Cell,
    folder: runFolderOf(folder, plan, hash!),
    hash: hash!,
    ...(isDivided ? { parts } : {}),
    ...(isDivided && hardware ? { hardware } : {}),
  };
}

/** @throws AutoCircuitError `plan-unfinished` where shards are not done, `mixed-hardware` where they may differ in last digits */
async function checkedShards({ folder, plan, mixedHardware }: CollectRequest): Promise<Shards> {
  const { hardwareKinds, shardStatus } = await import('@auto-circuit/core/run');
  checkPlanHere(plan, folder);
  const failed = new Map<string, string>();
  const machines: Hardware[] = [];
  const open = { waiting: [] as number[], running: [] as number[] };
  for (let shard = 0; shard < plan.shards; shard++) {
    const status = await shardStatus(folder, shard);
    if (status.state === 'waiting' || status.state === 'running') open[status.state].push(shard);
    else {
      for (const [name, error] of Object.entries(status.record.failed)) failed.set(name, error);
      for (const machine of status.record.hardware) machines.push(machine);
    }
  }
  const { waiting, running } = open;
  if (waiting.length + running.length > 0) throw unfinished(folder, plan.shards, waiting, running);
  const kinds = hardwareKinds(machines);
  if (kinds.length <= 1) return { failed, hardware: null };
  if (mixedHardware) return { failed, hardware: kinds };
  throw new AutoCircuitError({
    code: 'mixed-hardware',
    fields: { path: folder, kinds },
    where: 'collect',
    what: `the shards of ${folder} were computed on ${kinds.length} kinds of hardware, which may differ in last digits: ${kinds.join(' | ')}`,
    fix: 'run all shards on machines of one kind, or allow the mixture, which is then said in the results',
  });
}

function unfinished(
  folder: string,
  shards: number,
  waiting: readonly number[],
  running: readonly number[],
): AutoCircuitError {
  const named = (all: readonly number[]) => `${all.slice(0, 8).join(', ')}${all.length > 8 ? ', …' : ''}`;
  const parts = [
    ...(waiting.length > 0 ? [`not run: ${named(waiting)}`] : []),
    ...(running.length > 0 ? [`running: ${named(running)}`] : []),
  ];
  return new AutoCircuitError({
    code: 'plan-unfinished',
    fields: { path: folder, waiting, running },
    where: 'collect',
    what: `${waiting.length + running.length} of ${countOf(shards, 'shard')} of ${folder} ${shards === 1 ? 'is' : 'are'} not done (${parts.join('; ')})`,
    fix: 'run them, then collect',
  });
}
