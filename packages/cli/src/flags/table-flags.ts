/**
 * @file Options of algorithms, metrics and backends as flags: `--algo.steps 5`. They are taken out of the command line
 * before commander sees it, since only the registry knows their tables.
 */
import type { OptionTable, OptionValues } from '@auto-circuit/core/plugin';
import { AutoCircuitError, kebabCase, parseOptions, unknownName } from '@auto-circuit/core/startup';
import { type Command, Option } from 'commander';
import { grouped } from './flag-table.js';

/** One `--prefix.name value` of the command line. */
export interface TableFlag {
  /** `algo` of `--algo.steps`. */
  readonly prefix: string;
  readonly name: string;
  readonly value: string;
}

/**
 * Splits off every `--prefix.option value` and `--prefix.option=value`. A flag followed by another flag, or by nothing,
 * means `true`. What follows `--` stays as it is.
 */
export function splitTableFlags(args: readonly string[]): { readonly rest: string[]; readonly flags: TableFlag[] } {
  const rest: string[] = [];
  const flags: TableFlag[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === '--') return { rest: [...rest, ...args.slice(i)], flags };
    const match = /^--([a-z]+)\.([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(arg);
    if (!match) {
      rest.push(arg);
      continue;
    }
    const next = args[i + 1];
    const [, prefix, name, assigned] = match as unknown as [string, string, string, string | undefined];
    const separate = assigned === undefined && next !== undefined && !next.startsWith('--');
    if (separate) i++;
    flags.push({ prefix, name, value: assigned ?? (separate ? next : 'true') });
  }
  return { rest, flags };
}

/**
 * Lets a command take `--prefix.OPTION` flags.
 * @param what whose options they are, for help: `the algorithm`; `group`: the heading that it stands under
 */
export function addTableOptions<C extends Command>(command: C, prefix: string, what: string, group = ''): C {
  // shown in help only: real ones are split off before commander parses
  const named = command.options.some(({ long }) => long === `--${prefix}s`) ? `${prefix}s` : prefix;
  const doc = `an option of ${what}; ${command.name()} --${named} NAME --help shows them`;
  command.addOption(grouped(new Option(`--${prefix}.OPTION <VALUE>`, doc), group));
  return command;
}

/** @throws AutoCircuitError for a `--prefix.option` whose prefix the command does not take. */
export function checkTableFlags(command: Command, flags: readonly TableFlag[]): void {
  const known = command.options.map(({ long }) => long ?? '').filter((long) => long.endsWith('.OPTION'));
  const stray = flags.find(({ prefix }) => !known.includes(`--${prefix}.OPTION`));
  if (stray) throw unknownName(command.name(), 'flag', `--${stray.prefix}.${stray.name}`, known);
}

/**
 * The values of an option table from the `--prefix.option` flags of the command line.
 * @param where whose options they are, for errors: `eap-ig`.
 */
export function parseTableFlags<T extends OptionTable>(
  flags: readonly TableFlag[],
  prefix: string,
  table: T,
  where: string,
): OptionValues<T> {
  const given: Record<string, string> = {};
  for (const flag of flags) {
    if (flag.prefix !== prefix) continue;
    const twin = Object.keys(given).find((name) => kebabCase(name) === kebabCase(flag.name));
    if (twin !== undefined)
      throw new AutoCircuitError({
        code: 'usage',
        fields: { option: `--${prefix}.${flag.name}` },
        where,
        what: `--${prefix}.${flag.name} is given twice`,
      });
    given[flag.name] = flag.value;
  }
  return parseOptions(table, given, where);
}
