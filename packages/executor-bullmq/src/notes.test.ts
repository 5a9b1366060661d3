/** @file What jobs of a queue say of shards. */
import { expect, it } from 'vitest';
import { notesOf } from './notes.js';

const job = (shard: number, attemptsMade = 0, plan = 'p') => ({ data: { plan, shard }, attemptsMade, failedReason: 'ended by SIGKILL' }); // biome-ignore format: one line

it('jobs say which shards wait, and after how many failures, and which are with a worker; a shard without a job is lost', () => {
  const poisoned = { data: null, attemptsMade: 0 } as never;
  expect(
    notesOf('p', [0, 1, 2, 3], [job(0), job(1, 2), job(3, 0, 'another plan'), poisoned], [job(2), undefined as never]),
  ).toEqual([
    { shard: 0, state: 'queued', text: 'waits in the queue' },
    { shard: 1, state: 'queued', text: 'waits in the queue, failed 2 times: ended by SIGKILL' },
    { shard: 2, state: 'running', text: 'is with a worker' },
    { shard: 3, state: 'lost', text: 'is not in the queue' },
  ]);
});
