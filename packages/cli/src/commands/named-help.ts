/** @file Help about what a command line names: `discover --algo eap --help` ends with eap and its options. */
import { unknownName } from '@auto-circuit/core/startup';
import type { Command } from 'commander';
import type { Cli } from '../context/context.js';
import { type Entry, LISTS, NAMING_FLAGS, showEntry } from './list-entries.js';

/** How sentences name what a flag takes, where it is not the flag's own name. */
const KINDS: Readonly<Record<string, string>> = {
  algo: 'pruning algorithm',
  algos: 'pruning algorithm',
  generate: 'task',
};

/** Whether the command line names something that there is help about. */
export const namesSomething = (command: Command): boolean =>
  Object.keys(NAMING_FLAGS).some((flag) => command.getOptionValueSource(flag) === 'cli');

/**
 * Shows every entry that the command line names.
 * @throws AutoCircuitError for a name that there is not; of models, which may be folders and names of a hub, none are unknown
 */
export async function showNamedHelp(cli: Cli, command: Command): Promise<void> {
  const options: Readonly<Record<string, unknown>> = command.opts();
  for (const [flag, { lists, prefix }] of Object.entries(NAMING_FLAGS)) {
    if (command.getOptionValueSource(flag) !== 'cli') continue;
    const entries = (await Promise.all(lists.map((list) => LISTS[list](cli)))).flat() as Entry[];
    for (const text of `${options[flag]}`.split(/,(?![^(]*\))/)) {
      const name = text.replace(/\(.*$/s, '').trim();
      const entry = entries.find((one) => one.name === name);
      if (entry) {
        // a preset has the options of its algorithm
        const algo = entries.find((one) => one.name === entry.algo && one.options);
        for (const shown of algo ? [entry, algo] : [entry]) {
          cli.output.line();
          showEntry(cli.output, shown, prefix);
        }
      } else if (flag !== 'model') {
        throw unknownName(command.name(), KINDS[flag] ?? flag, name, [...new Set(entries.map((one) => one.name))]);
      }
    }
  }
}
