/** @file From a command line to an exit code. Tests call `main` with streams of their own; no process is needed. */
import { CommanderError } from 'commander';
import { readCatalog } from './context/catalog.js';
import { splitTableFlags } from './flags/table-flags.js';
import { neededCommands } from './load-commands.js';
import { programOf } from './program.js';
import { reportError } from './terminal/errors.js';
import { createOutput, type Streams } from './terminal/output.js';

/**
 * Runs one command line.
 * @param argv without node and script: `['list', 'algos', '--json']`.
 * @returns the exit code: 0 done, 2 the user's mistake, 1 ours (or `verify` found a difference), 130 interrupted with the work kept.
 */
export async function main(argv: readonly string[], streams: Streams): Promise<number> {
  const { rest, flags } = splitTableFlags(argv);
  let exitCode = 0;
  let output = createOutput(streams, { json: argv.includes('--json') }); // until the command line and the config are read
  const program = programOf(await neededCommands(rest, readCatalog()), streams, flags, {
    onExitCode: (code) => {
      exitCode = code;
    },
    onOutput: (own) => {
      output = own;
    },
  });
  try {
    await program.parseAsync(rest.length === 0 ? ['--help'] : rest, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    return reportError(output, error, argv.includes('--debug'));
  }
}
