/** @file What can be told from the flags alone is told before a model is loaded, which may take minutes. */
import type { Command } from 'commander';
import type { Cli } from '../context/context.js';
import { BACKEND_FLAGS, DATA_FLAGS, GRAPH_FLAGS, OBJECTIVE_FLAGS } from '../flags/shared-flags.js';
import type { NamedAlgo } from './choose-algo.js';
import { metricsNamed } from './named-contributions.js';
import { KEEP_FLAGS, MEASURE_FLAGS, PROMPT_FLAGS, SETTING_FLAGS } from './run-flags.js';
import { parseCount, parseSizes } from './sizes.js';

/**
 * Reads every flag of a run once.
 * @throws AutoCircuitError for a value that does not fit, and for sizes and counts that cannot be read
 */
export function checkRunFlags(cli: Cli, command: Command): void {
  for (const table of [BACKEND_FLAGS, DATA_FLAGS, GRAPH_FLAGS, OBJECTIVE_FLAGS]) cli.flags(table);
  const { edges, threshold } = cli.flags(MEASURE_FLAGS);
  const where = command.name();
  parseSizes(where, edges, threshold);
  parseCount(where, '--keep', cli.flags(KEEP_FLAGS).keep, 'auto', 0);
  const { test } = cli.flags(SETTING_FLAGS);
  if (test !== undefined) parseCount(where, '--test', test, 'same', 1);
}

/**
 * Looks up the metrics of `--metric`, with their options.
 * @throws AutoCircuitError for one that there is not, with the nearest names, and for an option that it does not have
 */
export async function checkMetricNames(cli: Cli, names: string | undefined): Promise<void> {
  if (names !== undefined) await metricsNamed(cli, '--metric', names);
}

/** @throws AutoCircuitError where `--per-prompt` asks for scores of single prompts that one of the algorithms does not have */
export async function checkPromptScores(cli: Cli, algos: readonly NamedAlgo[]): Promise<void> {
  if (cli.flags(PROMPT_FLAGS).perPrompt === undefined) return;
  const { checkGivesPromptScores } = await import('@auto-circuit/core/run');
  for (const { algo } of algos) checkGivesPromptScores(algo);
}
