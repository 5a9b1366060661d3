/** @file The `Cli` that a cell is run with: no command line and no terminal, the cell's flags in place of both. */
import { loadConfig, parseOptionValue, usePlugins } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import { type Cli, createCli } from '../context/context.js';
import type { FlagTable, FlagValues } from '../flags/flag-table.js';
import type { TableFlag } from '../flags/table-flags.js';
import { withTaskDefaults } from '../run/task-defaults.js';
import { createOutput } from '../terminal/output.js';
import type { Cell, CellFlags } from './cells.js';

/** What a process needs to run cells; plain data, so that it can be sent to one. */
export interface CellHost {
  readonly cwd: string;
  /** The config file of the command line, if one was named. */
  readonly config: string | null;
  /** Plugins of the command line. */
  readonly plugins: readonly string[];
  /** The experiment file, from which the paths of its own plugins start. */
  readonly file: string;
  readonly filePlugins: readonly string[];
  /** Flags that every cell gets, over its own: backend, device, threads, memory. */
  readonly flags: CellFlags;
  /** `--backend.OPTION` of the command line. */
  readonly backendFlags: readonly TableFlag[];
}

/** What is told while a cell runs. */
export interface CellHooks {
  readonly onWarning?: (line: string) => void;
  /** A line of `--debug`. */
  readonly onTrace?: (line: string) => void;
}

/** A `Cli` without flags of its own; the registry is loaded once and serves all cells of this process. */
export async function hostCli(host: CellHost, signal: AbortSignal): Promise<Cli> {
  const nobody = { write: () => undefined };
  const streams = { stdout: nobody, stderr: nobody, cwd: host.cwd, env: process.env, signal };
  const loaded = await loadConfig(host.cwd, host.config ?? undefined);
  const { worker: _, workers: __, ...defaults } = loaded.defaults; // cells are spread over processes already
  const config = Object.freeze({ ...loaded, defaults });
  const command = new Command('experiment');
  command.setOptionValue('plugin', [...host.plugins]);
  const cli = createCli(command, streams, config, host.backendFlags);
  let registry: ReturnType<Cli['registry']> | null = null;
  const load = async () => {
    const own = await cli.registry();
    await usePlugins(own, { file: host.file, plugins: [...host.filePlugins], defaults: {} }, [], host.cwd);
    return own;
  };
  return Object.freeze({
    ...cli,
    registry: () => {
      registry ??= load();
      return registry;
    },
  });
}

/** What a command is given: as if the cell's flags stood on a command line. */
export interface CellCommandLine {
  readonly cli: Cli;
  readonly command: Command;
}

/** One cell's: its flags over those of the config and of its task, those of the experiment's command line over all. */
export async function cellCommandLine(
  base: Cli,
  host: CellHost,
  cell: Cell,
  hooks: CellHooks = {},
): Promise<CellCommandLine> {
  const given: CellFlags = { ...cell.flags, ...host.flags };
  const command = new Command('experiment');
  for (const [name, value] of Object.entries(given)) command.setOptionValueWithSource(name, value, 'cli');
  return { cli: await withTaskDefaults(cellCli(base, given, cell, hooks), command), command };
}

function cellCli(base: Cli, given: CellFlags, cell: Cell, { onWarning = () => undefined, onTrace }: CellHooks): Cli {
  const flags = <T extends FlagTable>(table: T): FlagValues<T> => {
    const values: Record<string, unknown> = { ...base.flags(table) };
    for (const [name, spec] of Object.entries(table)) {
      if (given[name] !== undefined) values[name] = parseOptionValue(spec, given[name], 'experiment', `"${name}"`);
    }
    return Object.freeze(values) as FlagValues<T>;
  };
  const output = createOutput(base.output.streams, { json: true, quiet: true });
  return Object.freeze({
    ...base,
    flags,
    tableFlags: [...base.tableFlags, ...cell.algoFlags],
    output: Object.freeze({ ...output, json: () => undefined, warn: onWarning }),
    debug: onTrace !== undefined,
    trace: onTrace ?? (() => undefined),
  });
}
