/** @file `auto-circuit status PLAN`: how far the shards of a plan are. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ShardNote } from '@auto-circuit/core/plugin';
import type { PlanJson } from '@auto-circuit/core/run';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { ShardNotes } from '../cluster/show-plan.js';
import type { Cli, CliCommand } from '../context/context.js';
import { addFlags, type FlagTable } from '../flags/flag-table.js';
import { addTableOptions, parseTableFlags } from '../flags/table-flags.js';

const FLAGS = {
  follow: { type: 'boolean', default: false, doc: 'look again until all shards have ended' },
  all: { type: 'boolean', default: false, doc: 'a row for every shard, not only for those that run or failed' },
  executor: {
    type: 'string',
    placeholder: 'NAME',
    doc: 'whose scheduler or queue is asked why shards wait and how they were lost',
    unset: 'none',
  },
} as const satisfies FlagTable;

const SOME_FAILED = 1;
/** How often `--follow` looks, in ms. */
const LOOK_AGAIN_MS = 2000;

/** `auto-circuit status`. */
export const statusCommand: CliCommand = {
  build: () =>
    addTableOptions(
      addFlags(
        new Command('status')
          .description('Shows which shards of a plan are done, running or failed, and why')
          .argument('<plan>', 'a folder of auto-circuit plan'),
        FLAGS,
      ),
      'executor',
      'the executor',
    ).addHelpText(
      'after',
      `
Exit code 1 when shards failed or were lost, else 0. --follow ends when nobody does, or will do, any more of it.

Examples:
  $ auto-circuit status plans/ioi
  $ auto-circuit status plans/ioi --follow && auto-circuit collect plans/ioi
  $ auto-circuit status plans/ioi --plugin @auto-circuit/executor-slurm --executor slurm`,
    ),
  async run(cli, command) {
    const [name] = command.processedArgs as [string];
    const { follow, all } = cli.flags(FLAGS);
    const { readPlan } = await import('@auto-circuit/core/run');
    const { planFolder } = await import('../cluster/plan-work.js');
    const { allStatuses, countStates, isLost, queueLine, secondsLeft, statusLine, statusTable } = await import(
      '../cluster/show-plan.js'
    );
    const folder = planFolder(cli, name);
    const plan = await readPlan(folder);
    const look = await looker(cli, folder, plan);
    let shown = '';
    let statuses: Awaited<ReturnType<typeof allStatuses>> = [];
    for (;;) {
      // The scheduler first: what it loses sight of after that has left its record.
      const open = Array.from({ length: plan.shards }, (_, shard) => shard).filter(
        (i) => statuses[i]?.state !== 'done',
      );
      const notes = await look(open);
      statuses = await allStatuses(folder, plan, statuses);
      const counts = countStates(statuses);
      const lost = statuses.filter((status, shard) => isLost(status, notes.get(shard))).length;
      const ended = counts.done + counts.failed + lost === plan.shards;
      const queue = queueLine(statuses, notes);
      const line = [statusLine(statuses), ...(lost > 0 ? [`${lost} of those that wait were lost`] : [])].join(' · ');
      if (follow && !ended) {
        const both = queue === null ? line : `${line} (${queue})`;
        if (both !== shown) cli.output.note(both);
        shown = both;
        await sleep(LOOK_AGAIN_MS, undefined, { signal: cli.signal });
        continue;
      }
      if (cli.output.jsonOnly) {
        const shards = statuses.map((status, shard) => ({ shard, ...status, ...noteOf(notes.get(shard)) }));
        cli.output.json({ plan: folder, ...counts, lost, secondsLeft: secondsLeft(statuses), shards });
      } else {
        for (const row of statusTable(cli.output, statuses, all, notes)) cli.output.line(row);
        if (queue !== null) cli.output.line(queue);
        cli.output.line(line);
        if (lost > 0)
          cli.output.line('submit the plan again: it adds what was lost, which goes on from its checkpoints');
      }
      return counts.failed + lost > 0 ? SOME_FAILED : 0;
    }
  },
};

const noteOf = (note: ShardNote | undefined) =>
  note === undefined ? {} : { executor: { state: note.state, text: note.text } };

/** Asks the executor that was named, if one was, about shards. */
async function looker(
  cli: Cli,
  folder: string,
  plan: PlanJson,
): Promise<(shards: readonly number[]) => Promise<ShardNotes>> {
  const name = cli.flags(FLAGS).executor;
  if (name === undefined) return async () => new Map();
  const executor = (await cli.registry()).get('executor', name);
  const options = parseTableFlags(cli.tableFlags, 'executor', executor.options, executor.name);
  if (!executor.look) {
    throw new AutoCircuitError({
      code: 'invalid-option',
      fields: { option: '--executor', got: name },
      where: 'status',
      what: `the executor "${name}" has no scheduler or queue that can be asked`,
      fix: 'leave it out: the folder of the plan says how shards stand',
    });
  }
  const said = new Set<string>();
  const say = (line: string): void => {
    if (!said.has(line)) cli.output.note(line);
    said.add(line);
  };
  const work = { folder, plan: plan.sha256, name: plan.name, say };
  return async (shards) =>
    new Map((await executor.look!({ ...work, shards }, options)).map((note) => [note.shard, note]));
}
