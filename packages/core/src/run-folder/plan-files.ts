/**
 * @file A plan: work that several processes share through one folder. `plan.json` says what is to be done and by which shard,
 * `shards/` what each did, `parts/` holds what came of runs that were divided, `result/` the run or the experiment.
 */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AutoCircuitError } from '../errors/error.js';
import { writeFileAtomic } from '../files/atomic-file.js';
import { fileError } from '../files/file-error.js';
import { makeFolder } from '../files/folder.js';
import { readWholeText } from '../files/read-whole.js';
import type { Checkpoint } from '../plugin/checkpoint.js';
import type { WorkPart } from '../plugin/work-share.js';
import { fileCheckpoint } from './checkpoint-file.js';
import { type Hardware, hardwareKinds, hardwareSchema } from './hardware.js';
import { LOCK_NAME, lockHolder } from './lock.js';
import { isTemporary } from './run-files.js';
import { parseBySchema, toJsonText } from './schemas.js';
import { sealed, sealedJsonError } from './seal.js';

/** The files and folders of a plan by what they hold. */
export const PLAN_FILES = Object.freeze({
  plan: 'plan.json',
  shards: 'shards',
  parts: 'parts',
  result: 'result',
  logs: 'logs',
});
const SHARD_FILE = 'shard.json';
const PROGRESS_FILE = 'progress.json';
const MACHINES_FILE = 'machines.json';

/** A piece of work that one process does: a cell, or some units of its scores. */
export const planUnitSchema = z.object({
  /** Index into `cells`. */
  cell: z.int().min(0),
  /** Units of the cell's scores, [start, stop); null: the whole run. */
  range: z.tuple([z.int().min(0), z.int().min(0)]).nullable(),
  /** Who does it. */
  shard: z.int().min(0),
});
/** A piece of work. */
export type PlanUnit = z.infer<typeof planUnitSchema>;

/** `plan.json`: the same request gives the same text. */
export const planSchema = z.object({
  format: z.literal('auto-circuit plan 1'),
  name: z.string(),
  /** One run, or the cells of an experiment. */
  kind: z.enum(['run', 'experiment']),
  /** Version of the program: another one is refused. */
  version: z.string(),
  shards: z.int().min(1),
  /** Threads of each process. */
  threads: z.int().min(1),
  /** The experiment file; empty for a run. */
  asked: z.record(z.string(), z.unknown()),
  /** What a process needs to open models and data: the command line's own. */
  host: z.record(z.string(), z.unknown()),
  cells: z.array(
    z.object({
      name: z.string(),
      /** The address of its run; null where it cannot be run, and `error` says why. */
      hash: z.string().nullable(),
      error: z.string().nullable(),
      /** The cell as the command line has it. */
      cell: z.record(z.string(), z.unknown()),
    }),
  ),
  units: z.array(planUnitSchema),
  sha256: z.string(),
});
/** The content of `plan.json`. */
export type PlanJson = z.infer<typeof planSchema>;

/** `shards/N/shard.json`: how a shard ended. */
export const shardSchema = z.object({
  format: z.literal('auto-circuit shard 1'),
  shard: z.int().min(0),
  /** Errors of cells that failed, by the cell's name; empty where all is done. */
  failed: z.record(z.string(), z.string()),
  /** Every machine that computed something of it, each kind once. */
  hardware: z.array(hardwareSchema),
  seconds: z.number(),
  sha256: z.string(),
});
/** How a shard ended. */
export type ShardJson = z.infer<typeof shardSchema>;

const progressSchema = z.object({ done: z.number(), total: z.number(), cell: z.string(), phase: z.string() });
/** How far a running shard is: pieces of work done, and of the one in hand its name and phase. */
export type ShardProgress = z.infer<typeof progressSchema>;

/** How a shard stands. */
export type ShardStatus =
  | { readonly state: 'waiting' }
  | { readonly state: 'running'; readonly holder: string; readonly progress: ShardProgress | null }
  | { readonly state: 'done' | 'failed'; readonly record: ShardJson };

/** The folder of a shard: its record, its lock with a heartbeat, and partial work. */
export const shardFolder = (plan: string, shard: number): string =>
  join(plan, PLAN_FILES.shards, String(shard).padStart(5, '0'));

/**
 * Writes a plan into a new or empty folder. The same plan may be there already.
 * @returns whether it was written
 * @throws AutoCircuitError where the folder holds another plan or something else
 */
export async function writePlan(folder: string, plan: Omit<PlanJson, 'sha256'>): Promise<boolean> {
  const path = join(folder, PLAN_FILES.plan);
  const text = toJsonText(sealed(plan, PLAN_FILES.plan), path);
  try {
    await makeFolder(folder);
    if (existsSync(path)) {
      if ((await readWholeText(path)) === text) return false;
      throw new AutoCircuitError({
        code: 'run-exists',
        fields: { path: folder },
        where: 'plan',
        what: `${folder} already holds a plan of other work`,
        fix: 'choose another folder',
      });
    }
    // The folders of a plan without its file: another process is writing the same one, or was killed at it.
    const folders: readonly string[] = [PLAN_FILES.shards, PLAN_FILES.parts, PLAN_FILES.logs];
    const foreign = (await readdir(folder)).find((name) => !folders.includes(name) && !isTemporary(name));
    if (foreign !== undefined) {
      throw new AutoCircuitError({
        code: 'folder-not-empty',
        fields: { path: folder, file: foreign },
        where: 'plan',
        what: `${folder} is not empty and holds no plan: it holds "${foreign}"`,
        fix: 'choose an empty or a new folder',
      });
    }
    for (const name of folders) await makeFolder(join(folder, name));
    await writeFileAtomic(path, text);
    return true;
  } catch (cause) {
    throw fileError('plan', 'write', folder, cause);
  }
}

/** @throws AutoCircuitError `not-a-plan` where there is none, `plan-damaged` where it is not what was written */
export async function readPlan(folder: string): Promise<PlanJson> {
  const path = join(folder, PLAN_FILES.plan);
  if (!existsSync(path)) {
    throw new AutoCircuitError({
      code: 'not-a-plan',
      fields: { path: folder },
      where: 'plan',
      what: `${folder} holds no plan`,
      expected: `a folder with ${PLAN_FILES.plan}`,
      fix: 'check the path',
    });
  }
  return readSealed(planSchema, path, PLAN_FILES.plan, folder);
}

/** A file that bears its own checksum. @throws AutoCircuitError `plan-damaged` where it is not what was written */
async function readSealed<T>(
  schema: z.ZodType<T>,
  path: string,
  name: string,
  folder: string,
  shard?: number,
): Promise<T> {
  const text = await readText(path);
  const damaged = (how: string, cause?: unknown): AutoCircuitError => planDamaged(folder, path, how, shard, cause);
  let value: T;
  try {
    value = parseBySchema(schema, text, path);
  } catch (cause) {
    if (!(cause instanceof AutoCircuitError)) throw cause;
    throw damaged(cause.code === 'invalid-json' ? 'it is no JSON' : 'it lacks a part', cause);
  }
  const wrong = sealedJsonError(JSON.parse(text), name);
  if (wrong !== null) throw damaged(wrong);
  return value;
}

const readText = (path: string): Promise<string> =>
  readWholeText(path).catch((cause: unknown) => {
    throw fileError('plan', 'read', path, cause);
  });

/** A plan is made again, and what a shard wrote is, when the shard is run again: what is whole is kept. */
const planDamaged = (plan: string, path: string, how: string, shard?: number, cause?: unknown): AutoCircuitError =>
  new AutoCircuitError({
    code: 'plan-damaged',
    fields: { path: plan, file: path, ...(shard === undefined ? {} : { shard }) },
    where: 'plan',
    what: `${path} is not what was written: ${how}`,
    fix: shard === undefined ? 'plan the work again in another folder' : `run shard ${shard} again`,
    cause,
  });

/** How a shard ended, or null. @throws AutoCircuitError `plan-damaged` */
export async function readShard(plan: string, shard: number): Promise<ShardJson | null> {
  const path = join(shardFolder(plan, shard), SHARD_FILE);
  return existsSync(path) ? readSealed(shardSchema, path, nameOfShard(shard), plan, shard) : null;
}
/** What the record of a shard is sealed with, so that another's in its place is noticed. */
const nameOfShard = (shard: number): string => `${shard}/${SHARD_FILE}`;

/** Says how a shard ended. */
export async function writeShard(plan: string, record: Omit<ShardJson, 'sha256'>): Promise<void> {
  const path = join(shardFolder(plan, record.shard), SHARD_FILE);
  await writeFileAtomic(path, toJsonText(sealed(record, nameOfShard(record.shard)), path));
}

/** Says how far a shard is; for people, so a write may be lost. */
export async function writeShardProgress(plan: string, shard: number, progress: ShardProgress): Promise<void> {
  await writeFileAtomic(join(shardFolder(plan, shard), PROGRESS_FILE), JSON.stringify(progress));
}

/** The machines that computed something of a shard. */
export async function shardMachines(plan: string, shard: number): Promise<readonly Hardware[]> {
  const path = join(shardFolder(plan, shard), MACHINES_FILE);
  return existsSync(path) ? parseBySchema(z.array(hardwareSchema), await readText(path), path) : [];
}

/** Notes that a machine is about to compute something of a shard: before it does, so that a kill leaves no work without it. */
export async function noteMachine(plan: string, shard: number, machine: Hardware): Promise<void> {
  const before = await shardMachines(plan, shard);
  if (hardwareKinds([...before, machine]).length === hardwareKinds(before).length) return;
  const path = join(shardFolder(plan, shard), MACHINES_FILE);
  await writeFileAtomic(path, toJsonText([...before, machine], path));
}

/** How a shard stands: by its record, else by its lock. A shard that failed and is run again is running. */
export async function shardStatus(plan: string, shard: number): Promise<ShardStatus> {
  const folder = shardFolder(plan, shard);
  const record = await readShard(plan, shard);
  if (record && Object.keys(record.failed).length === 0) return { state: 'done', record };
  const holder = existsSync(join(folder, LOCK_NAME)) ? await lockHolder(folder) : null;
  if (holder !== null) return { state: 'running', holder, progress: await readProgress(folder) };
  return record ? { state: 'failed', record } : { state: 'waiting' };
}

async function readProgress(folder: string): Promise<ShardProgress | null> {
  const path = join(folder, PROGRESS_FILE);
  if (!existsSync(path)) return null;
  try {
    return parseBySchema(progressSchema, await readText(path), path);
  } catch (error) {
    if (!(error instanceof AutoCircuitError)) throw error;
    return null; // it is for people only
  }
}

/**
 * Where what came of some units is kept; its checksum covers which units of which run they are.
 * @param hash of the cell
 */
export function partFile(plan: string, hash: string, [start, stop]: readonly [number, number]): Checkpoint {
  const name = `${hash}-${start}-${stop}.safetensors`;
  return fileCheckpoint(join(plan, PLAN_FILES.parts, name), { key: `${hash}/${start}/${stop}` });
}

/** Partial work of a shard on some units; where it is damaged, which is said, the work begins again. */
export function shardCheckpoint(
  plan: string,
  shard: number,
  hash: string,
  range: readonly [number, number],
  onWarning: (line: string) => void = () => undefined,
): Checkpoint {
  const name = `partial-${hash}-${range.join('-')}.safetensors`;
  const file = fileCheckpoint(join(shardFolder(plan, shard), name), { key: `${hash}/${range.join('/')}/partial` });
  return {
    ...file,
    async load() {
      try {
        return await file.load();
      } catch (error) {
        if (!(error instanceof AutoCircuitError) || error.code !== 'wrong-checkpoint') throw error;
        onWarning(`${error.parts.what}; it is begun again`);
        return null;
      }
    },
  };
}

/** What came of all units of a cell, in their order, one in memory at a time. @throws AutoCircuitError where one is damaged or missing */
export async function* partsOfCell(plan: string, { cells, units }: PlanJson, cell: number): AsyncGenerator<WorkPart> {
  const hash = cells[cell]!.hash!;
  const parts = units.flatMap(({ cell: own, range, shard }) => (own === cell && range ? [{ range, shard }] : []));
  for (const { range, shard } of parts.toSorted((a, b) => a.range[0] - b.range[0])) {
    const file = partFile(plan, hash, range);
    const data = await file.load().catch((cause: unknown) => {
      if (!(cause instanceof AutoCircuitError) || cause.code !== 'wrong-checkpoint') throw cause;
      throw planDamaged(plan, file.path!, 'it is torn, or another file', shard, cause);
    });
    if (data === null) throw planDamaged(plan, file.path!, 'it is missing, though its shard ended well', shard);
    yield { start: range[0], stop: range[1], data };
  }
}
