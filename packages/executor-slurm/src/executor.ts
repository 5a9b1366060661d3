/** @file The executor: array jobs that are requeued after preemption and go on from their checkpoints, whether or not the submitter lives. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AutoCircuitError, defineExecutor, definePlugin, type ExecutorWork } from '@auto-circuit/core/plugin';
import { arrayJobs, arrayText, taskScript } from './array-jobs.js';

/** Before the time limit, Slurm says so this early: the step in hand is saved. */
const WARN_SECONDS = 60;

const text = (placeholder: string, doc: string) =>
  ({ type: 'string', default: '', doc: `${doc} (${placeholder})` }) as const;

/** Shards as tasks of Slurm's array jobs (`sbatch`, `squeue`). */
export const slurmExecutor = defineExecutor({
  name: 'slurm',
  doc: 'array jobs of Slurm, which are requeued after preemption',
  options: {
    time: text('HH:MM:SS', 'time limit of a shard'),
    memory: text('16G', 'memory of a shard'),
    partition: text('NAME', 'where jobs go'),
    account: text('NAME', 'who pays'),
    constraint: text(
      'FEATURE',
      'what nodes must have; give one kind of processor, so that last digits belong together',
    ),
    gpus: { type: 'int', default: 0, min: 0, doc: 'GPUs of a shard' },
    atOnce: { type: 'int', default: 0, min: 0, doc: 'shards that may run at a time; 0: as many as Slurm likes' },
  },
  async run(work, { atOnce, gpus, ...texts }) {
    const { folder, shards, threads, signal, say, command } = work;
    const name = jobName(work);
    const queued = await queuedShards(name);
    const left = shards.filter((shard) => !queued.has(shard));
    if (left.length < shards.length) say(`${shards.length - left.length} shards are in the queue already`);
    const { time, memory, partition, account, constraint } = texts as Readonly<Record<string, string>>;
    const asked = { time, mem: memory, partition, account, constraint, gpus: gpus === 0 ? '' : `${gpus}` };
    const wanted = Object.entries(asked).flatMap(([flag, value]) => (value ? [`--${flag}=${value}`] : []));
    for (const { offset, indices } of arrayJobs(left)) {
      signal?.throwIfAborted();
      const job = await slurm(
        'sbatch',
        [
          '--parsable',
          `--array=${arrayText(indices)}${atOnce === 0 ? '' : `%${atOnce}`}`,
          `--job-name=${name}`,
          `--comment=${offset}`,
          `--cpus-per-task=${threads}`,
          '--requeue',
          `--signal=TERM@${WARN_SECONDS}`,
          '--open-mode=append',
          `--output=${join(folder, 'logs', '%A_%a.txt')}`,
          ...wanted,
        ],
        taskScript(command, offset),
      );
      say(`job ${job.trim().split(';')[0]} (${name}): ${indices.length} shards`);
    }
    return 'submitted';
  },
});

/** Found again by name: a plan's jobs, and no others. */
const jobName = ({ name, plan }: Pick<ExecutorWork, 'name' | 'plan'>): string =>
  `ac-${name.replace(/[^\w.-]+/g, '-').slice(0, 40)}-${plan.slice(0, 12)}`;

/** Shards that wait or run: a plan that is submitted twice is run once. */
async function queuedShards(name: string): Promise<ReadonlySet<number>> {
  const lines = await slurm('squeue', [
    '--noheader',
    '--array',
    `--name=${name}`,
    '--Format=ArrayTaskID:20,Comment:20',
  ]);
  const shards = lines.split('\n').flatMap((line) => {
    const [index, offset] = line.trim().split(/\s+/);
    return index !== undefined && /^\d+$/.test(index) ? [Number(index) + Number(offset ?? 0)] : [];
  });
  return new Set(shards);
}

const MOST_BYTES = 64 * 2 ** 20;

/** What a command of Slurm printed. @throws AutoCircuitError with what it says */
async function slurm(program: string, args: readonly string[], script = ''): Promise<string> {
  const running = promisify(execFile)(program, [...args], { maxBuffer: MOST_BYTES });
  running.child.stdin?.end(script);
  try {
    return (await running).stdout;
  } catch (cause) {
    const { code, stderr } = cause as { readonly code?: unknown; readonly stderr?: string };
    if (code === 'ENOENT') {
      throw new AutoCircuitError({
        code: 'runtime-missing',
        fields: { package: program },
        where: 'slurm',
        what: `there is no ${program} on this machine`,
        fix: 'submit from a machine with the commands of Slurm',
        cause,
      });
    }
    throw new AutoCircuitError({
      code: 'worker-failed',
      where: 'slurm',
      what: `${program} refuses: ${`${stderr ?? ''}`.trim().split('\n')[0] || (cause as Error).message}`,
      fix: 'check partition, account, constraint and limits',
      cause,
    });
  }
}

/** The plugin, for `--plugin @auto-circuit/executor-slurm`. */
export const slurmPlugin = definePlugin({ name: 'executor-slurm', contributes: [slurmExecutor] });
