/** @file What every command is given: output, config, registry, flags. Made once for each command line; nothing is global. */
import { type LoadedConfig, Registry, usePlugins, visibleText } from '@auto-circuit/core/startup';
import type { Command } from 'commander';
import { type FlagTable, type FlagValues, readFlags } from '../flags/flag-table.js';
import { checkTableFlags, type TableFlag } from '../flags/table-flags.js';
import { flagsOfCommand } from '../terminal/flag-words.js';
import { createOutput, type Output, type Streams } from '../terminal/output.js';
import { withoutLikelySecrets } from '../terminal/shown.js';
import { reserveNames, useFirstPartyPlugins } from './first-party.js';

/** The flags that every command takes. */
export const GLOBAL_FLAGS = {
  json: { type: 'boolean', default: false, doc: 'one JSON document on stdout, nothing else there' },
  quiet: { type: 'boolean', default: false, doc: 'no header, no progress' },
  debug: { type: 'boolean', default: false, doc: 'report decisions along the way; show stack traces of errors' },
} as const satisfies FlagTable;

/** What a command is given: its output, config, registry and flags. */
export interface Cli {
  readonly output: Output;
  readonly cwd: string;
  readonly env: Streams['env'];
  /** Aborted on Ctrl-C. */
  readonly signal: AbortSignal;
  readonly debug: boolean;
  readonly config: LoadedConfig;
  /** The `--prefix.option` flags of the command line. */
  readonly tableFlags: readonly TableFlag[];
  /** Whether there are plugins beside those that come with the tool. */
  readonly hasPlugins: boolean;
  /** First-party plugins, then the config's, then those of `--plugin`. Loaded when first asked for. */
  registry(): Promise<Registry>;
  /** The values of a table's flags: command line, else the config's defaults, else the table's. */
  flags<T extends FlagTable>(table: T): FlagValues<T>;
  /** A line on stderr with `--debug`. */
  trace(line: string): void;
}

/** One command: its name, arguments, flags and help, and what it does. */
export interface CliCommand {
  /** Cheap: it runs for every command line. What is heavy is imported in `run`. */
  build(): Command;
  /** May give the exit code where the answer is one; else 0. */
  run(cli: Cli, command: Command): Promise<void> | Promise<number>;
}

/** @throws AutoCircuitError for a flag whose value does not fit, or a `--prefix.option` that the command does not take */
export function createCli(
  command: Command,
  streams: Streams,
  config: LoadedConfig,
  tableFlags: readonly TableFlag[],
): Cli {
  checkTableFlags(command, tableFlags);
  const flags = <T extends FlagTable>(table: T): FlagValues<T> => readFlags(command, table, config.defaults);
  const { json, quiet, debug } = flags(GLOBAL_FLAGS);
  const output = createOutput(streams, { json, quiet, flags: flagsOfCommand(command) });
  const named = (command.optsWithGlobals() as { readonly plugin?: readonly string[] }).plugin ?? [];
  let registry: Promise<Registry> | null = null;
  return Object.freeze({
    output,
    cwd: streams.cwd,
    env: streams.env,
    signal: streams.signal,
    debug,
    config,
    tableFlags,
    hasPlugins: config.plugins.length + named.length > 0,
    registry: () => {
      registry ??= makeRegistry(config, named, streams.cwd);
      return registry;
    },
    flags,
    trace: (line) => {
      if (debug)
        streams.stderr.write(`${output.errorColors.dim(visibleText(withoutLikelySecrets(line, streams.env)))}\n`);
    },
  } satisfies Cli);
}

async function makeRegistry(config: LoadedConfig, named: readonly string[], cwd: string): Promise<Registry> {
  const registry = await useFirstPartyPlugins(new Registry());
  await reserveNames(registry);
  await usePlugins(registry, config, named, cwd);
  return registry;
}
