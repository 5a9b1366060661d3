/** @file The executor: jobs go into a queue, once for each shard of a plan; workers take them out and hand back what they cannot finish. */
import { createHash } from 'node:crypto';
import { AutoCircuitError, defineExecutor, definePlugin, type ExecutorWorker } from '@auto-circuit/core/plugin';
import { type Job, Queue, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import { Carried } from './carried.js';
import { connected, shownUrl } from './connection.js';
import { jobOf, type QueueJob } from './message.js';
import { notesOf } from './notes.js';
import { carriedOf, receiveAll } from './receive.js';

/** A process that died is tried so often, at rising intervals. */
const ATTEMPTS = 5;
const FIRST_RETRY_MS = 1000;
/** A plan of 100,000 shards has about 20 MB. */
const MOST_PLAN_BYTES = 64 * 2 ** 20;
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
    results: {
      type: 'enum',
      values: ['folder', 'redis'],
      default: 'folder',
      doc: 'where results go: into the plan’s folder, which workers see; or through Redis to submit, which stays until they are there',
    },
    mostMb: { type: 'int', min: 1, default: 256, doc: 'of a worker: MiB that may go through Redis for one shard' },
    concurrency: { type: 'int', min: 1, default: 1, doc: 'of a worker: shards at a time' },
    lockSeconds: {
      type: 'int',
      min: 1,
      default: 30,
      doc: 'of a worker: after so long without a sign of life its shards go to others',
    },
  },
  async run(work, { redis, queue: name, prefix, priority, results }) {
    const { folder, plan, shards, signal, say } = work;
    const carries = results === 'redis';
    const connection = await connected(redis!, { retry: carries });
    const queue = new Queue<QueueJob>(name!, { connection, prefix: prefix! });
    try {
      const carried = new Carried(connection, carriedKeys(prefix!, name!));
      if (carries) await carried.putPlan(plan, await carriedOf(work).plan());
      const add = async (some: readonly number[]): Promise<void> => {
        await queue.addBulk(
          some.map((shard) =>
            jobToAdd(carries ? { folder, plan, shard, results } : { folder, plan, shard }, priority!),
          ),
        );
      };
      for (let at = 0; at < shards.length; at += BULK) {
        signal?.throwIfAborted();
        await add(shards.slice(at, at + BULK));
      }
      say(`${shards.length} jobs in the queue "${name}" at ${shownUrl(redis!)}`);
      if (!carries) return 'submitted';
      await receiveAll(work, carried, {
        isQueued: async (shard) => (await queue.getJob(jobId(plan, shard))) !== undefined,
        again: (shard) => add([shard]),
      });
      return 'ended';
    } finally {
      await queue.close();
      connection.disconnect();
    }
  },
  async look({ plan, shards }, { redis, queue: name, prefix }) {
    const connection = await connected(redis!, { retry: false });
    const queue = new Queue<QueueJob>(name!, { connection, prefix: prefix! });
    try {
      const waiting = await queue.getJobs(['waiting', 'prioritized', 'delayed']);
      const active = await queue.getJobs(['active']);
      return notesOf(plan, shards, waiting, active);
    } finally {
      await queue.close();
      connection.disconnect();
    }
  },
  async work(worker, { redis, queue: name, prefix, concurrency, lockSeconds, mostMb }) {
    const { signal, say } = worker;
    (await connected(redis!, { retry: false })).disconnect(); // a mistake in the address is found at once
    const connection = await connected(redis!, { retry: true });
    const lockDuration = lockSeconds! * 1000;
    const carried = new Carried(connection, carriedKeys(prefix!, name!));
    const doing = (job: QueueJob) => (job.results ? doneCarried(worker, carried, job, mostMb!) : worker.run(job));
    const taker = new Worker<QueueJob>(name!, (job, token) => done(doing, job, token), {
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

type Outcome = Awaited<ReturnType<ExecutorWorker['run']>>;

async function done(doing: (job: QueueJob) => Promise<Outcome>, job: Job<QueueJob>, token?: string): Promise<void> {
  try {
    const outcome = await doing(jobOf(job.data));
    if (outcome === 'failed') throw new UnrecoverableError('work failed; its record in the plan says why');
    if (outcome === 'done') return;
  } catch (error) {
    if (error instanceof AutoCircuitError && error.kind === 'user') throw new UnrecoverableError(error.message);
    throw error;
  }
  await job.moveToWait(token); // stopped here: others go on with it
  throw new WaitingError();
}

/** A shard whose plan and results go through Redis. */
async function doneCarried(worker: ExecutorWorker, carried: Carried, job: QueueJob, mostMb: number): Promise<Outcome> {
  const { folder, plan, shard } = job;
  const bytes = await carried.plan(plan, MOST_PLAN_BYTES);
  if (bytes === null || !worker.runCarried) {
    throw new AutoCircuitError({
      code: 'refused-job',
      fields: { path: folder, shard },
      where: 'bullmq',
      what: `a job is refused: the plan of shard ${shard} is not in Redis`,
      fix: 'submit it again',
    });
  }
  return worker.runCarried({ folder, plan, shard }, bytes, (pieces) =>
    carried.putResult(plan, shard, pieces, mostMb * 2 ** 20),
  );
}

const jobToAdd = (data: QueueJob, priority: number) => ({
  name: 'shard' as const,
  data,
  opts: {
    jobId: jobId(data.plan, data.shard), // a job that waits or runs is not added again
    attempts: ATTEMPTS,
    backoff: { type: 'exponential', delay: FIRST_RETRY_MS },
    priority,
    removeOnComplete: true, // what was done is said in the plan's folder
    removeOnFail: true,
  },
});

/** Beside the keys of the queue itself, which begin with its name and a colon. */
const carriedKeys = (prefix: string, queue: string): string => `${prefix}:${queue}-carried`;

/** The same for the same shard of the same plan. BullMQ allows no colon in it, and no plain number. */
const jobId = (plan: string, shard: number): string =>
  `shard-${createHash('sha256').update(`${plan}/${shard}`).digest('hex').slice(0, 32)}`;

/** The plugin, for `--plugin @auto-circuit/executor-bullmq`. */
export const bullmqPlugin = definePlugin({ name: 'executor-bullmq', contributes: [bullmqExecutor] });
