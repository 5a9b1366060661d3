/** @file `auto-circuit worker`: takes shards from an executor's queue and does them here, until it is stopped. */
import { resolve } from 'node:path';
import { AutoCircuitError } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import type { CliCommand } from '../context/context.js';
import { addFlags, type FlagTable, requireFlag } from '../flags/flag-table.js';
import { addTableOptions, parseTableFlags } from '../flags/table-flags.js';

const FLAGS = {
  executor: { type: 'string', placeholder: 'NAME', doc: 'whose queue; see "list executors"', unset: 'needed' },
  roots: {
    type: 'string',
    placeholder: 'DIR,…',
    doc: 'plans, models and data are used only below these folders',
    unset: 'needed',
  },
} as const satisfies FlagTable;

/** `auto-circuit worker`. */
export const workerCommand: CliCommand = {
  build: () =>
    addTableOptions(
      addFlags(
        new Command('worker').description('Takes shards from an executor’s queue and does them here, until Ctrl-C'),
        FLAGS,
      ),
      'executor',
      'the executor',
    ).addHelpText(
      'after',
      `
A message names a plan's folder, its checksum and a shard, and nothing of it is run: the plan must lie below --roots, and use
no plugin but those that this worker was started with (--plugin). Ctrl-C and SIGTERM hand the shards in hand back.

Example:
  $ auto-circuit worker --plugin @auto-circuit/executor-bullmq --executor bullmq --executor.redis redis://localhost --roots /shared`,
    ),
  async run(cli, command) {
    const { executor: name, roots } = cli.flags(FLAGS);
    const executor = (await cli.registry()).get('executor', requireFlag(name, command, '--executor', 'bullmq'));
    const options = parseTableFlags(cli.tableFlags, 'executor', executor.options, executor.name);
    const folders = requireFlag(roots, command, '--roots', '/shared')
      .split(',')
      .map((one) => resolve(cli.cwd, one.trim()));
    if (!executor.work) {
      throw new AutoCircuitError({
        code: 'invalid-option',
        fields: { option: '--executor', got: executor.name },
        where: 'worker',
        what: `the executor "${executor.name}" has no queue that workers take shards from`,
        fix: 'choose one that has, or run shards by submit or run-shard',
      });
    }
    const { shardJobs } = await import('../cluster/shard-jobs.js');
    const terminated = new AbortController();
    const stop = (): void => terminated.abort();
    process.once('SIGTERM', stop);
    const signal = AbortSignal.any([cli.signal, terminated.signal]);
    const plugins = (command.optsWithGlobals() as { readonly plugin?: readonly string[] }).plugin ?? [];
    const say = (line: string): void => cli.output.note(line);
    try {
      await executor.work(
        { ...shardJobs({ roots: folders, plugins, cwd: cli.cwd, signal, say }), signal, say },
        options,
      );
    } finally {
      process.off('SIGTERM', stop);
    }
  },
};
