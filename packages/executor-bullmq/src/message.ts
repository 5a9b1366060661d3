/** @file Messages of the queue, read: anybody who reaches Redis can write one. */
import { AutoCircuitError, type ShardJob } from '@auto-circuit/core/plugin';

const KEYS = ['folder', 'plan', 'shard'];

/** @throws AutoCircuitError `refused-job` for anything but a shard of a plan */
export function jobOf(data: unknown): ShardJob {
  const wrong = whatIsWrong(data);
  if (wrong === null) return data as ShardJob;
  throw new AutoCircuitError({
    code: 'refused-job',
    where: 'bullmq',
    what: `a message in the queue is none of ours: ${wrong}`,
    expected: '{ folder, plan, shard }',
  });
}

function whatIsWrong(data: unknown): string | null {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return 'it is no object';
  const { folder, plan, shard } = data as Readonly<Record<string, unknown>>;
  const foreign = Object.keys(data).find((key) => !KEYS.includes(key));
  if (foreign !== undefined) return `it has a key ${JSON.stringify(foreign).slice(0, 40)}`;
  if (typeof folder !== 'string' || folder.length === 0 || folder.length > 4096) return '"folder" is no path';
  if (typeof plan !== 'string' || plan.length === 0 || plan.length > 128) return '"plan" is no checksum';
  if (typeof shard !== 'number' || !Number.isSafeInteger(shard) || shard < 0)
    return '"shard" is no whole number from 0';
  return null;
}
