/** @file What the jobs of a queue say of shards. */
import type { ShardNote } from '@auto-circuit/core/plugin';

/** What is read of a job. */
export interface JobState {
  readonly data: { readonly plan: string; readonly shard: number };
  /** How often a worker failed at it, and what it said last. */
  readonly attemptsMade: number;
  readonly failedReason?: string;
}

/**
 * One for each shard.
 * @param waiting jobs of any plans that no worker has
 * @param active jobs that workers have, or had until they died
 */
export function notesOf(
  plan: string,
  shards: readonly number[],
  waiting: readonly JobState[],
  active: readonly JobState[],
): ShardNote[] {
  const byShard = (jobs: readonly JobState[]) =>
    // A job that ended while the list was read is not there; messages may be anybody's.
    new Map(jobs.flatMap((job) => (job?.data?.plan === plan ? [[job.data.shard, job] as const] : [])));
  const [waits, runs] = [byShard(waiting), byShard(active)];
  return shards.map((shard): ShardNote => {
    if (runs.has(shard)) return { shard, state: 'running', text: 'is with a worker' };
    const job = waits.get(shard);
    if (!job) return { shard, state: 'lost', text: 'is not in the queue' };
    const { attemptsMade, failedReason } = job;
    const failed = attemptsMade === 0 ? '' : `, failed ${attemptsMade} times: ${failedReason ?? 'no reason given'}`;
    return { shard, state: 'queued', text: `waits in the queue${failed}` };
  });
}
