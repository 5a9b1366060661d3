/** @file What comes back through Redis is put into the plan's folder, until something came of every shard or its job is gone. */
import { setTimeout as sleep } from 'node:timers/promises';
import { AutoCircuitError, type CarriedWork, type ExecutorWork } from '@auto-circuit/core/plugin';
import type { Carried } from './carried.js';

/** How often is looked for results, in ms. */
const LOOK_AGAIN_MS = 500;
/** Of shards of which nothing came, so many are looked for in the queue at a time. */
const LOOKED_FOR = 50;
/** A shard whose results are refused is run again so often. */
const TRIES = 3;

/** What is asked of the queue. */
export interface QueueOfShards {
  isQueued(shard: number): Promise<boolean>;
  again(shard: number): Promise<void>;
}

/** @throws AutoCircuitError where an executor is used by something that carries nothing */
export function carriedOf({ carried }: ExecutorWork): CarriedWork {
  if (carried) return carried;
  throw new AutoCircuitError({
    code: 'internal',
    where: 'bullmq',
    what: 'results are to come through Redis, and nothing was given that takes them',
    kind: 'internal',
  });
}

/** Receives the results of all shards of some work; those that are refused are asked for again. */
export async function receiveAll(work: ExecutorWork, carried: Carried, queue: QueueOfShards): Promise<void> {
  const { plan, shards, signal, say } = work;
  const left = new Set(shards);
  const refusals = new Map<number, number>();
  const receive = async (shard: number): Promise<void> => {
    try {
      await carriedOf(work).receive(shard, carried.result(plan, shard));
      left.delete(shard);
      say(`shard ${shard} came back`);
    } catch (error) {
      if (!(error instanceof AutoCircuitError) || error.code !== 'refused-result') throw error;
      say(error.message);
      refusals.set(shard, (refusals.get(shard) ?? 0) + 1);
    }
    await carried.drop(plan, shard);
  };
  while (left.size > 0) {
    signal?.throwIfAborted();
    const there = [...(await carried.results(plan))].filter((shard) => left.has(shard));
    for (const shard of there) {
      signal?.throwIfAborted();
      await receive(shard);
    }
    if (there.length > 0) continue;
    for (const shard of [...left].slice(0, LOOKED_FOR)) {
      left.delete(shard); // behind the others
      left.add(shard);
      // A worker sends before its job ends: where the job is gone, what is not there now does not come.
      if ((await queue.isQueued(shard)) || (await carried.results(plan)).has(shard)) continue;
      const refused = refusals.get(shard) ?? 0;
      if (refused > 0 && refused < TRIES) await queue.again(shard);
      else {
        left.delete(shard);
        say(`shard ${shard} is not in the queue any more, and nothing came back of it`);
      }
    }
    await sleep(LOOK_AGAIN_MS, undefined, signal ? { signal } : {});
  }
}
