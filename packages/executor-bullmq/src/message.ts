/** @file Messages of the queue, read: anybody who reaches Redis can write one. */
import { AutoCircuitError, type ShardJob } from '@auto-circuit/core/plugin';

const KEYS = ['folder', 'plan', 'shard', 'results'];

/** A shard, and how what comes of it goes back: by the plan's folder, or through Redis. */
export interface QueueJob extends ShardJob {
  readonly results?: 'redis';
}

/** @throws AutoCircuitError `refused-job` for anything but a shard of a plan */
export function jobOf(data: unknown): QueueJob {
  const wrong = whatIsWrong(data);
  if (wrong === null) return data as QueueJob;
  throw new AutoCircuitError({
    code: 'refused-job',
    where: 'bullmq',
    what: `a message in the queue is none of ours: ${wrong}`,
    expected: '{ folder, plan, shard }, with results: "redis" where no folder is shared',
  });
}

function whatIsWrong(data: unknown): string | null {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return 'it is no object';
  const { folder, plan, shard, results } = data as Readonly<Record<string, unknown>>;
  const foreign = Object.keys(data).find((key) => !KEYS.includes(key));
  if (foreign !== undefined) return `it has a key ${JSON.stringify(foreign).slice(0, 40)}`;
  if (typeof folder !== 'string' || folder.length === 0 || folder.length > 4096) return '"folder" is no path';
  if (typeof plan !== 'string' || plan.length === 0 || plan.length > 128) return '"plan" is no checksum';
  if (results !== undefined && results !== 'redis') return '"results" is not "redis"';
  if (typeof shard !== 'number' || !Number.isSafeInteger(shard) || shard < 0)
    return '"shard" is no whole number from 0';
  return null;
}
