/** @file The tree of all commands, for whoever reads it: the reference, completion, tests. */
import type { Command } from 'commander';
import { type ProgramHooks, programOf } from './cli.js';
import { COMMANDS } from './commands/all-commands.js';
import type { TableFlag } from './flags/table-flags.js';
import type { Streams } from './terminal/output.js';

/** The whole tree of commands. `streams` are only written to when a command line is parsed. */
export function createProgram(
  streams: Streams,
  tableFlags: readonly TableFlag[] = [],
  hooks: ProgramHooks = {},
): Command {
  return programOf(COMMANDS, streams, tableFlags, hooks);
}
