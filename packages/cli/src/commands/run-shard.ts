/** @file `auto-circuit run-shard PLAN I`: does one shard of a plan; what launchers start. */
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { CliCommand } from '../context/context.js';
import { countOf } from '../terminal/numbers.js';

/** Some pieces of work failed. */
const SOME_FAILED = 1;

/** `auto-circuit run-shard`. */
export const runShardCommand: CliCommand = {
  build: () =>
    new Command('run-shard')
      .description('Does one shard of a plan, or goes on with it where an earlier process stopped')
      .argument('<plan>', 'a folder of auto-circuit plan')
      .argument('<i>', 'which shard, from 0')
      .addHelpText(
        'after',
        `
A shard that is done is left as it is; one that another process does is waited for. SIGTERM and Ctrl-C end it after the
step in hand, and the same command goes on. Exit code 0 when the shard is done, 1 when cells of it failed.

Examples:
  $ auto-circuit run-shard plans/ioi 0
  $ auto-circuit run-shard plans/ioi $SLURM_ARRAY_TASK_ID`,
      ),
  async run(cli, command) {
    const [name, text] = command.processedArgs as [string, string];
    const { readPlan } = await import('@auto-circuit/core/run');
    const { planFolder } = await import('../cluster/plan-work.js');
    const { runShard } = await import('../cluster/run-shard.js');
    const folder = planFolder(cli, name);
    const plan = await readPlan(folder);
    const shard = shardNumber(text, plan.shards);
    const terminated = new AbortController();
    const stop = (): void => terminated.abort();
    process.once('SIGTERM', stop); // schedulers send it some time before they kill
    try {
      const { failed, seconds } = await runShard(cli, {
        folder,
        plan,
        shard,
        signal: AbortSignal.any([cli.signal, terminated.signal]),
        onWarning: (line) => cli.output.warn(line),
        onUnit: (unit, error) =>
          error === null ? cli.output.note(`done    ${unit}`) : cli.output.warn(`${unit} failed: ${error}`),
      });
      const errors = Object.keys(failed).length;
      if (cli.output.jsonOnly) cli.output.json({ plan: folder, shard, seconds, failed });
      else if (errors === 0) cli.output.line(`shard ${shard} of ${plan.shards} is done`);
      else cli.output.line(`shard ${shard} of ${plan.shards}: ${countOf(errors, 'cell')} failed`);
      return errors === 0 ? 0 : SOME_FAILED;
    } finally {
      process.off('SIGTERM', stop);
    }
  },
};

/** @throws AutoCircuitError for anything but a shard of the plan */
function shardNumber(text: string, shards: number): number {
  const shard = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (shard < shards) return shard;
  throw new AutoCircuitError({
    code: 'usage',
    fields: { argument: 'I', got: text },
    where: 'run-shard',
    what: `there is no shard ${text}`,
    expected: `a whole number from 0 to ${shards - 1}`,
    got: text,
  });
}
