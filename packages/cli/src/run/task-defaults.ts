/** @file The sizes that a task asks for, in place of a command's defaults; the config and the command line still win. */
import type { Command } from 'commander';
import type { Cli } from '../context/context.js';
import { givenFlags, withDefaults } from './run-defaults.js';
import { SOURCE_FLAGS } from './run-flags.js';

/** Flags that choose other prompts than the task's data set: its number of training prompts does not apply then. */
const OTHER_PROMPTS: readonly string[] = ['data', 'limit', 'length', 'train', 'test'];

/** A `Cli` whose flags default to the task's batch size, training prompts and graph. Without `--task`: the same `Cli`. */
export async function withTaskDefaults(cli: Cli, command: Command): Promise<Cli> {
  const { task: name } = cli.flags(SOURCE_FLAGS);
  if (name === undefined) return cli;
  const { batchSize, splitQkv, train } = (await cli.registry()).get('task', name);
  const given = [...givenFlags(command), ...Object.keys(cli.config.defaults)];
  const ownPrompts = !given.some((flag) => OTHER_PROMPTS.includes(flag));
  const defaults = { batchSize, splitQkv, train: ownPrompts ? train : undefined };
  const wanted = Object.entries(defaults).filter(
    ([flag, value]) => value !== undefined && !Object.hasOwn(cli.config.defaults, flag),
  );
  return withDefaults(cli, command, Object.fromEntries(wanted));
}
