/** @file Jobs of a queue, which nobody vouches for: what may be run here is checked, then run in a process of its own. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { ExecutorWorker, ShardJob } from '@auto-circuit/core/plugin';
import type { PlanJson } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import type { CellHost } from '../experiment/cell-cli.js';
import { refusedJob } from './refused-job.js';
import { runCommand } from './shard-command.js';

/** What a worker was started with. */
export interface WorkerLimits {
  /** Absolute. */
  readonly roots: readonly string[];
  /** As on its command line. */
  readonly plugins: readonly string[];
  readonly cwd: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** What an executor calls for each message. */
export function shardJobs(limits: WorkerLimits): Required<Pick<ExecutorWorker, 'run' | 'runCarried'>> {
  return {
    async run(job) {
      await checkJob(job, limits);
      return doJob(job, limits, false);
    },
    async runCarried(job, plan, send) {
      const { cwd, roots } = limits;
      const { ownPlan } = await import('./carried-plan.js');
      const { packedShard, removeShard } = await import('./result-archive.js');
      const own = await ownPlan(job, plan, roots[0]!, cwd);
      const here = { folder: own.folder, plan: await checkJob(own, limits), shard: own.shard };
      const outcome = await doJob(own, limits, true);
      if (outcome === 'stopped') return outcome;
      await send(packedShard(here, job.plan));
      await removeShard(here);
      return outcome;
    },
  };
}

/** Does a shard in a process of its own. @param alone where what other shards make cannot be seen */
async function doJob(
  job: ShardJob,
  { signal, say }: WorkerLimits,
  alone: boolean,
): Promise<'done' | 'failed' | 'stopped'> {
  if (signal.aborted) return 'stopped';
  say(`shard ${job.shard} of ${job.folder}`);
  const [program, ...args] = runCommand(job.folder, job.shard, alone);
  const child = spawn(program!, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const stop = (): void => {
    child.kill('SIGTERM');
  };
  signal.addEventListener('abort', stop);
  try {
    const [code, by] = await new Promise<readonly [number | null, string | null]>((done, failed) => {
      child.once('exit', (...how) => done(how));
      child.once('error', failed);
    });
    if (code === 0) return 'done';
    if (signal.aborted) return 'stopped';
    if (code === 1) return 'failed';
    throw new AutoCircuitError({
      code: 'worker-failed',
      fields: { path: job.folder },
      where: 'worker',
      what: `the process of shard ${job.shard} of ${job.folder} ended ${by === null ? `with code ${code}` : `by ${by}`}`,
      kind: 'internal',
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/**
 * Whether a job is one that this worker may do.
 * @throws AutoCircuitError `refused-job` naming what is against it
 */
export async function checkJob(job: ShardJob, { roots, plugins, cwd }: WorkerLimits): Promise<PlanJson> {
  const real = await Promise.all(roots.map((root) => realpath(root).catch(() => root)));
  const isBelow = async (path: string): Promise<boolean> => {
    const found = await realpath(path).catch(() => null);
    return found !== null && real.some((root) => contains(root, found));
  };
  const { folder, shard } = job;
  if (!isAbsolute(folder) || !(await isBelow(folder)))
    throw refused(job, `${folder} is not below the folders of this worker`);
  const { readPlan } = await import('@auto-circuit/core/run');
  const plan = await readPlan(folder);
  if (plan.sha256 !== job.plan) throw refused(job, `${folder} holds another plan than the message names`);
  if (!Number.isInteger(shard) || shard < 0 || shard >= plan.shards)
    throw refused(job, `the plan has no shard ${shard}`);
  const host = plan.host as unknown as CellHost;
  if (!(await isBelow(host.cwd)))
    throw refused(job, `it was planned in ${host.cwd}, which is not below the folders of this worker`);
  const allowed = new Set(plugins.flatMap((one) => [one, resolve(cwd, one)]));
  const wanted = [...host.plugins, ...host.filePlugins, ...(host.config === null ? [] : [host.config])];
  const foreign = wanted.find((one) => !allowed.has(one) && !allowed.has(resolve(host.cwd, one)));
  if (foreign !== undefined) throw refused(job, `it uses ${foreign}, which this worker was not started with`);
  if (existsSync(join(host.cwd, CONFIG)) && !allowed.has(join(host.cwd, CONFIG))) {
    throw refused(job, `${host.cwd} has a ${CONFIG}, which this worker was not started with`);
  }
  for (const { cell } of plan.cells) {
    const { data, model } = (cell as { readonly flags: Readonly<Record<string, unknown>> }).flags;
    for (const name of [data, model].filter((one) => typeof one === 'string')) {
      const path = resolve(host.cwd, name);
      if (existsSync(path) && !(await isBelow(path)))
        throw refused(job, `it reads ${path}, which is not below the folders of this worker`);
    }
  }
  return plan;
}
const CONFIG = 'auto-circuit.config.mjs';

function contains(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === '' || (!way.startsWith(`..${sep}`) && way !== '..' && !isAbsolute(way));
}

const refused = (job: ShardJob, what: string): AutoCircuitError =>
  refusedJob(job, what, 'start the worker with the folders and plugins that its plans need, if they can be trusted');
