/** @file A plan that came with a message, in a folder of this worker's own: the same work, with paths as they are here. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import type { ShardJob } from '@auto-circuit/core/plugin';
import type { PlanJson } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { CellHost } from '../experiment/cell-cli.js';
import { refusedJob } from './refused-job.js';

/** A plan is no longer: one of 100,000 shards has about 20 MB. */
const MOST_PLAN_BYTES = 64 * 2 ** 20;
/** Below the first of the worker's folders. */
const OWN_PLANS = '.auto-circuit-plans';

/**
 * Writes the plan of a job into a folder of this worker, as if it had been made in the folder in which the worker was started.
 * @param root where the worker's own plans lie
 * @param cwd the worker's
 * @returns the job, of that folder
 * @throws AutoCircuitError `refused-job` for anything but the plan that the job names
 */
export async function ownPlan(job: ShardJob, bytes: Uint8Array, root: string, cwd: string): Promise<ShardJob> {
  if (!/^[0-9a-f]{64}$/.test(job.plan)) throw refused(job, 'it names a plan by no checksum');
  if (bytes.length > MOST_PLAN_BYTES) throw refused(job, `its plan has ${bytes.length} bytes, and at most ${MOST_PLAN_BYTES} are taken`); // biome-ignore format: one line
  const { makeFolderFor, PLAN_FILES, readPlan, writePlan } = await import('@auto-circuit/core/run');
  await makeFolderFor('worker', join(root, OWN_PLANS));
  const came = await mkdtemp(join(root, OWN_PLANS, 'came-'));
  let plan: PlanJson;
  try {
    await writeFile(join(came, PLAN_FILES.plan), bytes);
    plan = await readPlan(came);
  } catch (cause) {
    throw cause instanceof AutoCircuitError ? refused(job, `its plan cannot be read: ${cause.parts.what}`) : cause;
  } finally {
    await rm(came, { recursive: true, force: true });
  }
  if (plan.sha256 !== job.plan) throw refused(job, 'it came with another plan than it names');
  const folder = join(root, OWN_PLANS, job.plan.slice(0, 16));
  const { sha256: _, ...rest } = plan;
  await writePlan(folder, { ...rest, host: { ...hostHere(plan.host as unknown as CellHost, cwd) } });
  return { ...job, folder, plan: (await readPlan(folder)).sha256 };
}

/** Paths below the folder in which the plan was made are below this worker's. */
function hostHere(host: CellHost, cwd: string): CellHost {
  const here = (path: string): string => {
    const way = relative(host.cwd, path);
    return isAbsolute(path) && !way.startsWith('..') && !isAbsolute(way) ? join(cwd, way) : path;
  };
  return {
    ...host,
    cwd,
    file: here(host.file),
    config: host.config === null ? null : here(host.config),
    plugins: host.plugins.map(here),
    filePlugins: host.filePlugins.map(here),
  };
}

const refused = (job: ShardJob, what: string): AutoCircuitError =>
  refusedJob(job, what, 'plan the work by the version of the program that its workers have');
