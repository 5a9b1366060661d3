/** @file Shards as array jobs: which indices each job has, and the script of its tasks. */
import type { ExecutorWork } from '@auto-circuit/core/plugin';

/** Slurm's default `MaxArraySize` allows indices below 1001. */
const INDICES = 1000;

/** One `sbatch`: shards `offset` + index. */
export interface ArrayJob {
  readonly offset: number;
  /** Ascending, below 1000. */
  readonly indices: readonly number[];
}

/** As few array jobs as the limit of indices allows. @param shards ascending */
export function arrayJobs(shards: readonly number[]): ArrayJob[] {
  const jobs = new Map<number, number[]>();
  for (const shard of shards) {
    const offset = shard - (shard % INDICES);
    jobs.set(offset, [...(jobs.get(offset) ?? []), shard - offset]);
  }
  return [...jobs].map(([offset, indices]) => ({ offset, indices }));
}

/** `0-3,7`: what `--array` takes. */
export function arrayText(indices: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const index of indices) {
    const last = ranges.at(-1);
    if (last && last[1] === index - 1) last[1] = index;
    else ranges.push([index, index]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

/** What stands for the number of a shard until the script says it. */
const SHARD = 'SHARD';

/** The script of a task. It becomes the shard's process, so that Slurm's signals reach that. */
export function taskScript(command: ExecutorWork['command'], offset: number): string {
  const words = command(SHARD).map((word) =>
    word === SHARD ? `"$((SLURM_ARRAY_TASK_ID + ${offset}))"` : quoted(word),
  );
  return `#!/bin/sh\nexec ${words.join(' ')}\n`;
}

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
