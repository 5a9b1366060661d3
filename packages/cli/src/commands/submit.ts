/** @file `auto-circuit submit PLAN`: has the shards of a plan that are not done run by an executor. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import type { CliCommand } from '../context/context.js';
import { addFlags, type FlagTable } from '../flags/flag-table.js';
import { addTableOptions, parseTableFlags } from '../flags/table-flags.js';
import { shownPath } from '../run/run-folder.js';
import { countOf, quoted } from '../terminal/numbers.js';

const FLAGS = {
  executor: { type: 'string', placeholder: 'NAME', default: 'local', doc: 'who runs them; see "list executors"' },
} as const satisfies FlagTable;

const SOME_FAILED = 1;
/** What is taken of one shard that comes back through a queue. */
const MOST_RESULT_BYTES = 4 * 2 ** 30;

/** `auto-circuit submit`. */
export const submitCommand: CliCommand = {
  build: () =>
    addTableOptions(
      addFlags(
        new Command('submit')
          .description('Has the shards of a plan run by an executor: processes here, or a plugin’s')
          .argument('<plan>', 'a folder of auto-circuit plan'),
        FLAGS,
      ),
      'executor',
      'the executor',
    ).addHelpText(
      'after',
      `
Shards that are done are left out. Exit code 0 when all shards are done or were handed over, 1 when some are not.

Examples:
  $ auto-circuit submit plans/ioi && auto-circuit collect plans/ioi
  $ auto-circuit submit plans/ioi --executor local --executor.workers 2`,
    ),
  async run(cli, command) {
    const [name] = command.processedArgs as [string];
    const { PLAN_FILES, readPlan } = await import('@auto-circuit/core/run');
    const { receiveShard } = await import('../cluster/result-archive.js');
    const { planFolder } = await import('../cluster/plan-work.js');
    const { runCommand } = await import('../cluster/shard-command.js');
    const { allStatuses, countStates, statusLine } = await import('../cluster/show-plan.js');
    const folder = planFolder(cli, name);
    const plan = await readPlan(folder);
    const executor = (await cli.registry()).get('executor', cli.flags(FLAGS).executor);
    const options = parseTableFlags(cli.tableFlags, 'executor', executor.options, executor.name);
    const before = await allStatuses(folder, plan);
    const shards = before.flatMap(({ state }, shard) => (state === 'done' ? [] : [shard]));
    cli.output.note(`${countOf(shards.length, 'shard')} to do · executor ${executor.name}`);
    const outcome = await executor.run(
      {
        folder,
        plan: plan.sha256,
        name: plan.name,
        shards,
        threads: plan.threads,
        command: (shard) => runCommand(folder, shard),
        carried: {
          plan: () => readFile(join(folder, PLAN_FILES.plan)),
          receive: (shard, result) => receiveShard({ folder, plan, shard }, result, MOST_RESULT_BYTES, cli.signal),
        },
        signal: cli.signal,
        say: (line) => cli.output.note(line),
      },
      options,
    );
    const after = await allStatuses(folder, plan);
    const { done } = countStates(after);
    if (cli.output.jsonOnly) cli.output.json({ plan: folder, executor: executor.name, outcome, ...countStates(after) });
    else {
      cli.output.line(statusLine(after));
      const shown = quoted(shownPath(cli, folder));
      cli.output.line(
        outcome === 'submitted'
          ? `look: auto-circuit status ${shown} --follow`
          : `results: auto-circuit collect ${shown}`,
      );
    }
    return outcome === 'submitted' || done === plan.shards ? 0 : SOME_FAILED;
  },
};
