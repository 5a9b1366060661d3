/** @file The executor: jobs go into a queue, once for each shard of a plan; workers take them out and hand back what they cannot finish. */
import { createHash } from 'node:crypto';
import {
  AutoCircuitError,
  defineExecutor,
  definePlugin,
  type ExecutorWorker,
  type ShardJob,
} from '@auto-circuit/core/plugin';
import { type Job, Queue, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import { connected, shownUrl } from './connection.js';
import { jobOf } from './message.js';

/** A process that died is tried so often, at rising intervals. */
const ATTEMPTS = 5;
const FIRST_RETRY_MS = 1000;
/** Jobs are added so many at a time. */
const BULK = 500;

/** Shards as jobs of a queue in Redis (6.2 or later). */
export const bullmqExecutor = defineExecutor({
  name: 'bullmq',
  doc: 'a queue in Redis, from which workers on any machines take shards',
  options: {
    redis: {
      type: 'string',
      default: 'redis://127.0.0.1:6379',
      doc: 'where Redis is: redis://USER:PASSWORD@HOST:PORT/DB, or rediss:// for TLS',
    },
    queue: { type: 'string', default: 'auto-circuit', doc: 'name of the queue' },
    prefix: { type: 'string', default: 'auto-circuit', doc: 'what all keys in Redis begin with' },
    priority: { type: 'int', min: 0, max: 2_097_151, default: 0, doc: '1 goes before 2; 0 before all' },
    concurrency: { type: 'int', min: 1, default: 1, doc: 'of a worker: shards at a time' },
    lockSeconds: {
      type: 'int',
      min: 1,
      default: 30,
      doc: 'of a worker: after so long without a sign of life its shards go to others',
    },
  },
  async run({ folder, plan, shards, signal, say }, { redis, queue: name, prefix, priority }) {
    const connection = await connected(redis!, { retry: false });
    const queue = new Queue<ShardJob>(name!, { connection, prefix: prefix! });
    try {
      for (let at = 0; at < shards.length; at += BULK) {
        signal?.throwIfAborted();
        const jobs = shards.slice(at, at + BULK).map((shard) => ({
          name: 'shard',
          data: { folder, plan, shard },
          opts: {
            jobId: jobId(plan, shard), // a job that waits or runs is not added again
            attempts: ATTEMPTS,
            backoff: { type: 'exponential', delay: FIRST_RETRY_MS },
            priority: priority!,
            removeOnComplete: true, // what was done is said in the plan's folder
            removeOnFail: true,
          },
        }));
        await queue.addBulk(jobs);
      }
    } finally {
      await queue.close();
      connection.disconnect();
    }
    say(`${shards.length} jobs in the queue "${name}" at ${shownUrl(redis!)}`);
    return 'submitted';
  },
  async work(worker, { redis, queue: name, prefix, concurrency, lockSeconds }) {
    const { signal, say } = worker;
    (await connected(redis!, { retry: false })).disconnect(); // a mistake in the address is found at once
    const connection = await connected(redis!, { retry: true });
    const lockDuration = lockSeconds! * 1000;
    const taker = new Worker<ShardJob>(name!, (job, token) => done(worker, job, token), {
      connection,
      prefix: prefix!,
      concurrency: concurrency!,
      lockDuration,
      stalledInterval: lockDuration,
      maxStalledCount: 100, // a shard goes on from its checkpoint each time
    });
    // Redis may restart: the connection comes back by itself.
    taker.on('error', (error) => say(`queue: ${error.message}`));
    taker.on('failed', (job, error) => say(`shard ${job?.data.shard ?? '?'}: ${error.message}`));
    say(`waiting for shards in the queue "${name}" at ${shownUrl(redis!)}`);
    try {
      if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      await taker.close();
    } finally {
      connection.disconnect();
    }
  },
});

async function done({ run }: ExecutorWorker, job: Job<ShardJob>, token?: string): Promise<void> {
  try {
    const outcome = await run(jobOf(job.data));
    if (outcome === 'failed') throw new UnrecoverableError('work failed; its record in the plan says why');
    if (outcome === 'done') return;
  } catch (error) {
    if (error instanceof AutoCircuitError && error.kind === 'user') throw new UnrecoverableError(error.message);
    throw error;
  }
  await job.moveToWait(token); // stopped here: others go on with it
  throw new WaitingError();
}

/** The same for the same shard of the same plan. BullMQ allows no colon in it, and no plain number. */
const jobId = (plan: string, shard: number): string =>
  `shard-${createHash('sha256').update(`${plan}/${shard}`).digest('hex').slice(0, 32)}`;

/** The plugin, for `--plugin @auto-circuit/executor-bullmq`. */
export const bullmqPlugin = definePlugin({ name: 'executor-bullmq', contributes: [bullmqExecutor] });
