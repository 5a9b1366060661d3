/** @file What an executor is as a contribution: where the shards of a plan are run. */
import type { Explained } from './explained.js';
import type { OptionTable, OptionValues } from './options.js';

/** What is carried between machines that share no folder: the plan to a worker, and what it made of a shard back. */
export interface CarriedWork {
  /** What a worker needs to know of the plan. */
  plan(): Promise<Uint8Array>;
  /**
   * Puts what a worker made of a shard into the plan's folder, whole or not at all.
   * @param result what the worker's `send` was given, in pieces of any size
   * @throws AutoCircuitError `refused-result` for anything but the results of this shard
   */
  receive(shard: number, result: AsyncIterable<Uint8Array>): Promise<void>;
}

/** The shards to run, and how any one of them is run. */
export interface ExecutorWork {
  /** The plan's folder, absolute; its `logs` folder is there for what an executor writes. */
  readonly folder: string;
  /** The checksum of its `plan.json`: who finds another one there has another plan. */
  readonly plan: string;
  /** The plan's name, for the names of jobs. */
  readonly name: string;
  /** Numbers of the shards that are not done, ascending. */
  readonly shards: readonly number[];
  /** Threads that a shard uses. */
  readonly threads: number;
  /**
   * Program and arguments that do a shard, wherever the plan's folder is seen: exit code 0 done, 1 some work failed, 130 stopped.
   * SIGTERM ends it after the step in hand. A second process for the same shard waits for the first.
   * @param shard a number, or text that the launcher makes a number of, such as a variable
   */
  command(shard: number | string): readonly string[];
  /** For workers that do not see the plan's folder. Not there where only commands are run. */
  readonly carried?: CarriedWork;
  /** Aborted on Ctrl-C: what this process started is to end. */
  readonly signal?: AbortSignal;
  /** Tells the person at the terminal something in one line. */
  say(line: string): void;
}

/** `ended`: every shard has ended, well or not. `submitted`: they run, or will, without this process. */
export type ExecutorOutcome = 'ended' | 'submitted';

/** What an executor knows of a shard that is not done: what the plan's folder cannot say. */
export interface ShardNote {
  readonly shard: number;
  /** `lost`: nobody does it or will, until it is submitted again. */
  readonly state: 'queued' | 'running' | 'lost';
  /** Why it waits, where it runs, or how it was lost, in a few words. */
  readonly text: string;
}

/** A shard as a message says it. */
export interface ShardJob {
  /** The plan's folder, absolute, and the checksum of its `plan.json`. */
  readonly folder: string;
  readonly plan: string;
  readonly shard: number;
}

/** What a process that takes shards from a queue is given. */
export interface ExecutorWorker {
  /**
   * Does a shard here, in a process of its own. Messages are not trusted: only plans under the worker's folders are run.
   * @returns `failed` where work failed that would fail again; `stopped` on an abort: somebody else may go on with it
   * @throws AutoCircuitError of kind `user` for a job that is refused; of another kind where the process died: to be tried again
   */
  run(job: ShardJob): Promise<'done' | 'failed' | 'stopped'>;
  /**
   * As `run`, in a folder of the worker's own, of a plan that came with the job.
   * @param plan what `CarriedWork.plan` gave
   * @param send takes what `CarriedWork.receive` needs, in pieces of at most 1 MiB; called before this returns `done` or `failed`
   */
  runCarried?(
    job: ShardJob,
    plan: Uint8Array,
    send: (result: AsyncIterable<Uint8Array>) => Promise<void>,
  ): Promise<'done' | 'failed' | 'stopped'>;
  /** Aborted on Ctrl-C: shards in hand are stopped, and no more are taken. */
  readonly signal: AbortSignal;
  say(line: string): void;
}

/** Where shards are run. */
export interface ExecutorDefinition<T extends OptionTable = OptionTable> extends Explained {
  readonly kind: 'executor';
  /** In kebab-case. */
  readonly name: string;
  /** One line, for lists. */
  readonly doc: string;
  readonly options: T;
  /**
   * Sees to it that every shard is run. One that fails stops no other: its own record says why. On an abort it ends what this
   * process started, and throws the signal's reason.
   * @throws AutoCircuitError where shards cannot be started at all
   */
  run(work: ExecutorWork, options: OptionValues<T>): Promise<ExecutorOutcome>;
  /**
   * What its scheduler or queue knows of shards that are not done; of some it may know nothing.
   * @throws AutoCircuitError where it cannot be asked
   */
  look?(
    work: Pick<ExecutorWork, 'folder' | 'plan' | 'name' | 'shards' | 'say'>,
    options: OptionValues<T>,
  ): Promise<readonly ShardNote[]>;
  /** Of an executor with a queue: takes shards from it until the signal is aborted. */
  work?(worker: ExecutorWorker, options: OptionValues<T>): Promise<void>;
}

/**
 * An executor as a contribution. The option table's type is erased: the table itself checks values when they arrive.
 * @example
 * defineExecutor({ name: 'one-by-one', doc: 'here, one after the other', options: {},
 *   async run({ shards, command }) {
 *     for (const shard of shards) spawnSync(command(shard)[0], command(shard).slice(1));
 *     return 'ended';
 *   } });
 */
export const defineExecutor = <const T extends OptionTable>(
  executor: Omit<ExecutorDefinition<T>, 'kind'>,
): ExecutorDefinition => Object.freeze({ kind: 'executor', ...executor }) as unknown as ExecutorDefinition;
