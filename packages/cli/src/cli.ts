/** @file From a command line to an exit code. Tests call `main` with streams of their own; no process is needed. */
import { loadConfig, unknownName } from '@auto-circuit/core/startup';
import { Command, CommanderError, Option } from 'commander';
import { readCatalog } from './context/catalog.js';
import { type CliCommand, createCli, GLOBAL_FLAGS } from './context/context.js';
import { packageVersion } from './context/package-version.js';
import { addFlags, flagNames } from './flags/flag-table.js';
import { splitTableFlags, type TableFlag } from './flags/table-flags.js';
import { usageError } from './flags/usage-error.js';
import { allCommands, neededCommands } from './load-commands.js';
import { reportError } from './terminal/errors.js';
import { createOutput, type Output, type Streams } from './terminal/output.js';
import { asTyped } from './terminal/typed.js';

/**
 * Runs one command line.
 * @param argv without node and script: `['list', 'algos', '--json']`.
 * @returns the exit code: 0 done, 2 the user's mistake, 1 ours (or `verify` found a difference), 130 interrupted with the work kept.
 */
export async function main(argv: readonly string[], streams: Streams): Promise<number> {
  const { rest, flags } = splitTableFlags(argv);
  let exitCode = 0;
  let helped: Command | null = null;
  let output = createOutput(streams, { json: argv.includes('--json') }); // until the command line and the config are read
  const program = programOf(await neededCommands(rest, readCatalog()), streams, flags, {
    onExitCode: (code) => {
      exitCode = code;
    },
    onOutput: (own) => {
      output = own;
    },
    onHelp: (command) => {
      helped = command;
    },
  });
  try {
    await program.parseAsync(rest.length === 0 ? ['--help'] : rest, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) {
      return helped ? helpOfNames(program, helped, streams, flags) : 0;
    }
    return reportError(output, error, argv.includes('--debug'));
  }
}

/** After the help of a command: help about what its command line names. */
async function helpOfNames(program: Command, command: Command, streams: Streams, flags: readonly TableFlag[]) {
  const { namesSomething, showNamedHelp } = await import('./commands/named-help.js');
  if (!namesSomething(command)) return 0;
  try {
    const config = await loadConfig(streams.cwd, program.opts<{ config?: string }>().config);
    await showNamedHelp(createCli(command, streams, config, flags), command);
    return 0;
  } catch (error) {
    return reportError(createOutput(streams), error, false);
  }
}

/** What a command reports while it runs. */
export interface ProgramHooks {
  /** The exit code of a command that gives one. */
  readonly onExitCode?: (code: number) => void;
  /** The help of a command was shown. */
  readonly onHelp?: (command: Command) => void;
  /** Where the command's lines go, once its flags and the config are read. */
  readonly onOutput?: (output: Output) => void;
}

/** The tree of these commands. `streams` are only written to when a command line is parsed. */
export function programOf(
  commands: readonly CliCommand[],
  streams: Streams,
  tableFlags: readonly TableFlag[] = [],
  { onExitCode, onOutput, onHelp }: ProgramHooks = {},
): Command {
  const program = new Command('auto-circuit')
    .description('Which edges between the components of a transformer carry a behaviour?')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'help for a command')
    .helpCommand('help [command]', 'help for a command')
    .configureHelp({ showGlobalOptions: true, helpWidth: Math.min(streams.stdout.columns ?? 100, 110) })
    .configureOutput({
      writeOut: (text) => streams.stdout.write(asTyped(text, streams.env)),
      writeErr: () => undefined, // help in place of an error: main writes a sentence, once
      outputError: () => undefined,
      getOutHelpWidth: () => streams.stdout.columns ?? 100,
      getOutHasColors: () => createOutput(streams).colors.isColorSupported,
    });
  program.addHelpText('after', '\nauto-circuit help COMMAND shows the flags and examples of a command.');
  addFlags(program, GLOBAL_FLAGS);
  program.addOption(
    new Option('--plugin <NAME>', 'use a plugin: name, @scope/name or file; may be repeated').argParser(
      (name: string, before: readonly string[] = []) => [...before, ...name.split(',')],
    ),
  );
  program.option('--config <FILE>', 'config with plugins and defaults (default: auto-circuit.config.mjs here, if any)');
  for (const definition of commands) {
    const command = definition.build().copyInheritedSettings(program).helpOption('-h, --help', 'this help');
    command.action(async () => {
      const config = await loadConfig(streams.cwd, program.opts<{ config?: string }>().config);
      if (Object.keys(config.defaults).length > 0) await checkDefaults(program, config.defaults, config.file);
      const cli = createCli(command, streams, config, tableFlags);
      onOutput?.(cli.output);
      const code = await definition.run(cli, command);
      if (typeof code === 'number') onExitCode?.(code);
    });
    program.addCommand(command);
  }
  for (const command of [program, ...program.commands]) {
    command.exitOverride((error) => {
      if (error.code === 'commander.helpDisplayed' && command !== program) onHelp?.(command);
      throw usageError(command, error) ?? error;
    });
  }
  return program;
}

/** @throws AutoCircuitError for a default that is no flag of any command. */
async function checkDefaults(
  program: Command,
  defaults: Readonly<Record<string, unknown>>,
  file: string | null,
): Promise<void> {
  const commands = (await allCommands()).map((definition) => definition.build());
  const known = [...new Set([program, ...commands].flatMap(flagNames))];
  const unknown = Object.keys(defaults).find((name) => !known.includes(name));
  if (unknown !== undefined) throw unknownName(`config ${file}`, 'default', unknown, known);
}
