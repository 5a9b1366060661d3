/** @file The settings of a run or a circuit file in place of a command's defaults; flags on the command line still win. */

import type { Graph } from '@auto-circuit/core';
import type { RunJson } from '@auto-circuit/core/run';
import type { Command } from 'commander';
import type { Cli } from '../context/context.js';
import type { FlagTable, FlagValues } from '../flags/flag-table.js';

/** By attribute name of the flag; null and undefined mean that the flag is not given. */
export type FlagDefaults = Readonly<Record<string, unknown>>;

/** A `Cli` whose flags have these defaults. */
export function withDefaults(cli: Cli, command: Command, defaults: FlagDefaults): Cli {
  const given = new Set(givenFlags(command));
  const flags = <T extends FlagTable>(table: T): FlagValues<T> => {
    const values = Object.entries(cli.flags(table)).map(([name, value]) => {
      const { opposite = name } = table[name]!;
      const replaced = Object.hasOwn(defaults, name) && !given.has(name) && !given.has(camelCase(opposite));
      return [name, replaced ? (defaults[name] ?? undefined) : value] as const;
    });
    return Object.freeze(Object.fromEntries(values)) as FlagValues<T>;
  };
  return Object.freeze({ ...cli, flags });
}

const camelCase = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** Attribute names of the flags that stand on the command line. */
export function givenFlags(command: Command): string[] {
  return Object.keys(command.opts()).filter((name) => command.getOptionValueSource(name) === 'cli');
}

/**
 * What the flags of `discover` were in a run. Its device and threads are those of its backend: another backend, named on the
 * command line, has its own.
 */
export function runDefaults({ asked, sources }: RunJson, command: Command): FlagDefaults {
  const {
    patchType,
    select,
    rankBy,
    ablation,
    ablateFrom,
    reverse,
    train,
    test,
    batchSize,
    limit,
    length,
    seed,
    backend,
  } = asked;
  const { factorized, splitQkv, kvInputs } = asked.graph;
  const named = givenFlags(command).includes('backend') ? command.getOptionValue('backend') : backend.name;
  const place = { backend: backend.name, device: backend.device, threads: backend.threads };
  return {
    ...sources,
    ...{ patchType, select, rankBy, ablation, ablateFrom, reverse, train, batchSize, limit, length, seed },
    test: test === null ? null : `${test}`,
    ...{ factorized, splitQkv, kvInputs },
    ...(named === backend.name ? place : {}),
  };
}

/** The flags that make the graph of a circuit file. */
export function circuitDefaults({ options }: Graph): FlagDefaults {
  const { factorized, splitQkv, kvInputs, positions } = options;
  const shared = { factorized, splitQkv, kvInputs, tokenPositions: positions !== null };
  return positions === null ? shared : { ...shared, length: positions };
}
