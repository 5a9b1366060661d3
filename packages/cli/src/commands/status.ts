/** @file `auto-circuit status PLAN`: how far the shards of a plan are. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { CliCommand } from '../context/context.js';
import { addFlags, type FlagTable } from '../flags/flag-table.js';

const FLAGS = {
  follow: { type: 'boolean', default: false, doc: 'look again until all shards have ended' },
  all: { type: 'boolean', default: false, doc: 'a row for every shard, not only for those that run or failed' },
} as const satisfies FlagTable;

const SOME_FAILED = 1;
/** How often `--follow` looks, in ms. */
const LOOK_AGAIN_MS = 2000;

/** `auto-circuit status`. */
export const statusCommand: CliCommand = {
  build: () =>
    addFlags(
      new Command('status')
        .description('Shows which shards of a plan are done, running or failed, and why')
        .argument('<plan>', 'a folder of auto-circuit plan'),
      FLAGS,
    ).addHelpText(
      'after',
      `
Exit code 1 when shards failed, else 0.

Examples:
  $ auto-circuit status plans/ioi
  $ auto-circuit status plans/ioi --follow && auto-circuit collect plans/ioi`,
    ),
  async run(cli, command) {
    const [name] = command.processedArgs as [string];
    const { follow, all } = cli.flags(FLAGS);
    const { readPlan } = await import('@auto-circuit/core/run');
    const { planFolder } = await import('../cluster/plan-work.js');
    const { allStatuses, countStates, secondsLeft, statusLine, statusTable } = await import('../cluster/show-plan.js');
    const folder = planFolder(cli, name);
    const plan = await readPlan(folder);
    let shown = '';
    let statuses: Awaited<ReturnType<typeof allStatuses>> = [];
    for (;;) {
      statuses = await allStatuses(folder, plan, statuses);
      const counts = countStates(statuses);
      const ended = counts.done + counts.failed === plan.shards;
      const line = statusLine(statuses);
      if (follow && !ended) {
        if (line !== shown) cli.output.note(line);
        shown = line;
        await sleep(LOOK_AGAIN_MS, undefined, { signal: cli.signal });
        continue;
      }
      if (cli.output.jsonOnly) {
        const shards = statuses.map((status, shard) => ({ shard, ...status }));
        cli.output.json({ plan: folder, ...counts, secondsLeft: secondsLeft(statuses), shards });
      } else {
        for (const row of statusTable(cli.output, statuses, all)) cli.output.line(row);
        cli.output.line(line);
      }
      return counts.failed > 0 ? SOME_FAILED : 0;
    }
  },
};
