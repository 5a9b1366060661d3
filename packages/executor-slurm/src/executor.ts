/** @file The executor: array jobs that are requeued after preemption and go on from their checkpoints, whether or not the submitter lives. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AutoCircuitError, defineExecutor, definePlugin } from '@auto-circuit/core/plugin';
import { arrayJobs, arrayText, taskScript } from './array-jobs.js';
import { isHeld, jobName, jobNames, notesOf, SACCT_FIELDS, SQUEUE_FIELDS, type Task, tasksOf } from './queue.js';

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
    if (shards.length === 0) return 'submitted';
    // Shards that wait or run: a plan that is submitted twice is run once.
    const tasks = await queuedTasks(jobNames(work), false);
    const queued = new Set(tasks.map(({ shard }) => shard));
    const toDo = new Set(shards);
    for (const { id } of tasks.filter((task) => isHeld(task) && toDo.has(task.shard))) {
      await slurm('scontrol', ['release', id]);
      say(`task ${id} was held by Slurm and is released`);
    }
    const left = shards.filter((shard) => !queued.has(shard));
    if (left.length < shards.length) say(`${shards.length - left.length} shards are in the queue already`);
    const { time, memory, partition, account, constraint } = texts as Readonly<Record<string, string>>;
    const asked = { time, mem: memory, partition, account, constraint, gpus: gpus === 0 ? '' : `${gpus}` };
    const wanted = Object.entries(asked).flatMap(([flag, value]) => (value ? [`--${flag}=${value}`] : []));
    for (const { offset, indices } of arrayJobs(left)) {
      signal?.throwIfAborted();
      const name = jobName(work, offset);
      const job = await slurm(
        'sbatch',
        [
          '--parsable',
          `--array=${arrayText(indices)}${atOnce === 0 ? '' : `%${atOnce}`}`,
          `--job-name=${name}`,
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
  async look(work) {
    if (work.shards.length === 0) return [];
    const names = jobNames(work);
    const known = await queuedTasks(names, true);
    const seen = new Set(known.map(({ shard }) => shard));
    const others = work.shards.some((shard) => !seen.has(shard)) ? await endedTasks(names, work.say) : [];
    return notesOf(work.shards, [...others.filter(({ shard }) => !seen.has(shard)), ...known]);
  },
});

/** Tasks that the controller knows. @param ended those, too, that ended some minutes ago */
async function queuedTasks(names: ReadonlyMap<string, number>, ended: boolean): Promise<readonly Task[]> {
  const text = await slurm('squeue', [
    '--noheader',
    '--array',
    `--name=${[...names.keys()].join(',')}`,
    `--format=${SQUEUE_FIELDS}`,
    ...(ended ? ['--states=all'] : []),
  ]);
  return tasksOf(text, names);
}

/** Tasks that ended before: by accounting, which not every cluster keeps. */
async function endedTasks(names: ReadonlyMap<string, number>, say: (line: string) => void): Promise<readonly Task[]> {
  const args = ['--noheader', '--parsable2', '--allocations', '--array', `--starttime=${ACCOUNTED}`];
  try {
    const text = await slurm('sacct', [...args, `--name=${[...names.keys()].join(',')}`, `--format=${SACCT_FIELDS}`]);
    return tasksOf(text, names);
  } catch (error) {
    if (!(error instanceof AutoCircuitError)) throw error;
    say(`of tasks that ended more than minutes ago nothing is known: ${error.parts.what}`);
    return [];
  }
}
/** How far accounting is looked through. */
const ACCOUNTED = 'now-60days';

const MOST_BYTES = 64 * 2 ** 20;

/** What a command of Slurm printed. @throws AutoCircuitError with what it says */
async function slurm(program: string, args: readonly string[], script = ''): Promise<string> {
  const running = promisify(execFile)(program, [...args], { maxBuffer: MOST_BYTES });
  // A program that ends without reading it says by its own exit whether that is wrong.
  running.child.stdin?.on('error', () => undefined).end(script);
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
