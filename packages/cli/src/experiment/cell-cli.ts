/** @file The `Cli` that a cell is run with: no command line and no terminal, the cell's flags in place of both. */
import { loadConfig, parseOptionValue, usePlugins } from '@auto-circuit/core/startup';
import { Command } from 'commander';
import { type Cli, createCli } from '../context.js';
import type { FlagTable, FlagValues, TableFlag } from '../flags/index.js';
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

export interface CellHooks {
  readonly onWarning?: (line: string) => void;
  /** A line of `--debug`. */
  readonly onTrace?: (line: string) => void;
}

/** A `Cli` without flags of its own; the registry is loaded once and serves all cells of this process. */
export async function hostCli(host: CellHost, signal: AbortSignal): Promise<Cli> {
  const nobody = { write: () => undefined };
  const streams = { stdout: nobody, stderr: nobody, cwd: host.cwd, env: process.env, signal };
  const config = await loadConfig(host.cwd, host.config ?? undefined);
  const command = new Command('experiment');
  command.setOptionValue('plugin', [...host.plugins]);
  const cli = createCli(command, streams, config, host.backendFlags);
  let registry: ReturnType<Cli['registry']> | null = null;
  const load = async () => {
    const loaded = await cli.registry();
    await usePlugins(loaded, { file: host.file, plugins: [...host.filePlugins], defaults: {} }, [], host.cwd);
    return loaded;
  };
  return Object.freeze({
    ...cli,
    registry: () => {
      registry ??= load();
      return registry;
    },
  });
}

/** The `Cli` of one cell: its flags over those of the config, those of the command line over both. */
export function cellCli(base: Cli, host: CellHost, cell: Cell, hooks: CellHooks = {}): Cli {
  const { onWarning = () => undefined, onTrace } = hooks;
  const given: CellFlags = { ...cell.flags, ...host.flags };
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
