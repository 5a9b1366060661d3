/** @file How the shards of a plan stand, as a table and as one line. */
import type { ShardNote } from '@auto-circuit/core/plugin';
import type { PlanJson, ShardStatus } from '@auto-circuit/core/run';
import { countOf, formatSeconds } from '../terminal/numbers.js';
import type { Output } from '../terminal/output.js';
import { tableLines } from '../terminal/table.js';

/** Records are read so many at a time: on a network's file system each is a wait. */
const AT_A_TIME = 32;

/**
 * The states of all shards, in their order.
 * @param before states of a while ago: shards that were done stay done and are not read again
 */
export async function allStatuses(
  folder: string,
  { shards }: PlanJson,
  before: readonly ShardStatus[] = [],
): Promise<readonly ShardStatus[]> {
  const { shardStatus } = await import('@auto-circuit/core/run');
  const all: ShardStatus[] = [...before];
  const left = Array.from({ length: shards }, (_, shard) => shard).filter((shard) => before[shard]?.state !== 'done');
  const reader = async (): Promise<void> => {
    for (let shard = left.shift(); shard !== undefined; shard = left.shift()) {
      all[shard] = await shardStatus(folder, shard);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, reader));
  return all;
}

const STATES = ['done', 'running', 'failed', 'waiting'] as const;

/** How many shards are in each state. */
export const countStates = (all: readonly ShardStatus[]): Readonly<Record<ShardStatus['state'], number>> => {
  const counts = { done: 0, running: 0, failed: 0, waiting: 0 };
  for (const { state } of all) counts[state]++;
  return counts;
};

/** `12 of 16 shards done · 2 running · 1 failed · 1 waiting · about 3 min left`. */
export function statusLine(all: readonly ShardStatus[]): string {
  const counts = countStates(all);
  const others = STATES.slice(1).flatMap((state) => (counts[state] > 0 ? [`${counts[state]} ${state}`] : []));
  const left = secondsLeft(all);
  const time = left === null ? [] : [`about ${formatSeconds(left)} left`];
  return [`${counts.done} of ${countOf(all.length, 'shard')} done`, ...others, ...time].join(' · ');
}

/** By the mean time of the shards that are done, with as many running as now; null where nothing says it. */
export function secondsLeft(all: readonly ShardStatus[]): number | null {
  const counts = countStates(all);
  const seconds = all.flatMap((one) => (one.state === 'done' ? [one.record.seconds] : []));
  if (seconds.length === 0 || counts.running === 0) return null;
  const mean = seconds.reduce((sum, x) => sum + x, 0) / seconds.length;
  return (mean * (counts.running + counts.waiting)) / counts.running;
}

/** What an executor says of shards, by their numbers. */
export type ShardNotes = ReadonlyMap<number, ShardNote>;

/** Whether a shard that neither runs nor has ended is one that its executor has lost. */
export const isLost = (status: ShardStatus, note: ShardNote | undefined): boolean =>
  status.state === 'waiting' && note?.state === 'lost';

/** `queue: 12 waits in the queue: Priority · 3 waits in the queue: Resources`, of shards that wait; null where nothing is known. */
export function queueLine(statuses: readonly ShardStatus[], notes: ShardNotes): string | null {
  const counts = new Map<string, number>();
  for (const [shard, { state }] of statuses.entries()) {
    const note = notes.get(shard);
    if (state !== 'waiting' || note?.state !== 'queued') continue;
    counts.set(note.text, (counts.get(note.text) ?? 0) + 1);
  }
  if (counts.size === 0) return null;
  const most = [...counts].toSorted((a, b) => b[1] - a[1]).slice(0, MOST_REASONS);
  return most.map(([text, count]) => `${countOf(count, 'shard')} ${text}`).join(' · ');
}
const MOST_REASONS = 4;

/** Rows for shards that run, failed or were lost, `all`: for every shard. */
export function statusTable(
  output: Output,
  statuses: readonly ShardStatus[],
  all: boolean,
  notes: ShardNotes = new Map(),
): string[] {
  const rows = statuses.flatMap((status, shard) => {
    const note = notes.get(shard);
    const lost = isLost(status, note);
    if (!all && !lost && status.state !== 'running' && status.state !== 'failed') return [];
    const said = note && status.state === 'waiting' ? note.text : detailOf(status);
    return [[`${shard}`, lost ? 'lost' : status.state, said]];
  });
  if (rows.length === 0) return [];
  return tableLines(output, [{ title: 'shard', align: 'right' }, { title: 'state' }, { title: '' }], rows);
}

function detailOf(status: ShardStatus): string {
  if (status.state === 'waiting') return '';
  if (status.state === 'running') {
    const { holder, progress } = status;
    return progress
      ? `${progress.done}/${progress.total}  ${progress.cell}  ${progress.phase}  (${holder})`
      : `by ${holder}`;
  }
  const { seconds, failed, hardware } = status.record;
  if (status.state === 'done') return `${formatSeconds(seconds)}${hardware[0] ? ` on ${hardware[0].host}` : ''}`;
  return Object.entries(failed)
    .map(([name, error]) => `${name}: ${error}`)
    .join('; ');
}
