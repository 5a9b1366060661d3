/** @file What Slurm says of the tasks of a plan: `squeue` of those that wait, run or ended minutes ago, `sacct` of those before. */
import type { ExecutorWork, ShardNote } from '@auto-circuit/core/plugin';
import { arrayJobs } from './array-jobs.js';

/** Found again by name: a plan's jobs, and no others. Those whose indices do not start at shard 0 say where. */
export const jobName = ({ name, plan }: Pick<ExecutorWork, 'name' | 'plan'>, offset: number): string =>
  `ac-${name.replace(/[^\w.-]+/g, '-').slice(0, 40)}-${plan.slice(0, 12)}${offset === 0 ? '' : `-${offset}`}`;

/** The names of all jobs that shards may be in, with the shard of index 0. */
export const jobNames = (work: Pick<ExecutorWork, 'name' | 'plan' | 'shards'>): ReadonlyMap<string, number> =>
  new Map(arrayJobs(work.shards).map(({ offset }) => [jobName(work, offset), offset]));

/** One task of an array job. */
export interface Task {
  /** As Slurm's commands take it: `JOB_INDEX`. */
  readonly id: string;
  readonly shard: number;
  /** Later jobs have higher numbers. */
  readonly job: number;
  /** `PENDING`, `OUT_OF_MEMORY`, … */
  readonly state: string;
  readonly reason: string;
  readonly node: string;
}

/** Fields of a line, for `squeue --format` and `sacct --format`. */
export const SQUEUE_FIELDS = '%i|%j|%T|%N|%r';
export const SACCT_FIELDS = 'JobID,JobName,State,NodeList,ExitCode';

/** Tasks from lines of these fields. @param names of jobs, with the shard of index 0 */
export function tasksOf(text: string, names: ReadonlyMap<string, number>): Task[] {
  return text.split('\n').flatMap((line): Task[] => {
    const [id = '', name = '', state = '', node = '', reason = ''] = line.trim().split('|');
    const [, job, index] = /^(\d+)_(\d+)$/.exec(id) ?? [];
    const offset = names.get(name);
    if (index === undefined || offset === undefined) return [];
    // sacct says `CANCELLED by 1000`
    return [{ id, shard: offset + Number(index), job: Number(job), state: state.split(' ')[0]!, reason, node }];
  });
}

const WAITS: readonly string[] = ['PENDING', 'REQUEUED', 'REQUEUE_HOLD', 'REQUEUE_FED', 'SPECIAL_EXIT', 'SUSPENDED', 'RESV_DEL_HOLD']; // biome-ignore format: one line
const RUNS: readonly string[] = ['RUNNING', 'CONFIGURING', 'COMPLETING', 'SIGNALING', 'STAGE_OUT', 'STOPPED', 'RESIZING']; // biome-ignore format: one line

/** Whether a task waits or runs. */
export const isQueued = ({ state }: Task): boolean => WAITS.includes(state) || RUNS.includes(state);

/** Whether a task waits, but for somebody to release it: Slurm holds what it could not start, or what was requeued too often. */
export const isHeld = ({ state, reason }: Task): boolean =>
  WAITS.includes(state) && /requeued.held|JobHoldMaxRequeue/i.test(reason);

/** How tasks end that leave their shard undone, by Slurm's word. */
const LOST: Readonly<Record<string, string>> = {
  BOOT_FAIL: 'its node did not start',
  CANCELLED: 'was cancelled',
  DEADLINE: 'reached its deadline',
  FAILED: 'its process ended badly',
  NODE_FAIL: 'its node was lost',
  OUT_OF_MEMORY: 'ran out of memory',
  PREEMPTED: 'was preempted and not requeued',
  REVOKED: 'was revoked',
  TIMEOUT: 'reached the time limit',
};

/**
 * What is known of each of these shards: of a task that waits or runs, else of the last one that ended. A task that was cancelled
 * before it ran may have left nothing.
 * @param tasks several for a shard that was submitted again
 */
export function notesOf(shards: readonly number[], tasks: readonly Task[]): ShardNote[] {
  const byShard = new Map<number, Task>();
  for (const task of tasks) {
    const other = byShard.get(task.shard);
    const rank = (one: Task): number => (isQueued(one) ? Number.MAX_SAFE_INTEGER : one.job);
    if (!other || rank(task) >= rank(other)) byShard.set(task.shard, task);
  }
  return shards.flatMap((shard) => {
    const task = byShard.get(shard);
    return task ? noteOf(task) : [{ shard, state: 'lost' as const, text: 'is in no job that Slurm knows' }];
  });
}

function noteOf(task: Task): ShardNote[] {
  const { shard, state, reason, node, job } = task;
  const said = reason === '' || reason === 'None' ? '' : `: ${reason}`;
  if (isHeld(task)) return [{ shard, state: 'lost', text: `is held in the queue (job ${job}${said})` }];
  if (WAITS.includes(state)) return [{ shard, state: 'queued', text: `waits in the queue${said}` }];
  if (RUNS.includes(state)) return [{ shard, state: 'running', text: `runs on ${node || 'a node'} (job ${job})` }];
  const how = LOST[state];
  if (how === undefined) return []; // it ended well, and its record is about to be seen
  return [{ shard, state: 'lost', text: `${how}${node === '' ? '' : ` on ${node}`} (job ${job}, ${state}${said})` }];
}
