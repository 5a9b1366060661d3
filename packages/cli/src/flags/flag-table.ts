/**
 * @file Flags as tables: one entry gives a flag's name, help, default, type and check. What is read is typed by the table.
 * A value comes from the command line, else from the config's `defaults`, else from the entry.
 */
import {
  AutoCircuitError,
  expectedText,
  kebabCase,
  parseOptionValue,
  type ValueRule,
} from '@auto-circuit/core/startup';
import { type Command, Option } from 'commander';

interface FlagBase {
  readonly doc: string;
  /** A second flag, the opposite of a boolean one: `residual` beside `factorized`. */
  readonly opposite?: string;
  /** What stands for the value in help: `N`, `DIR`. */
  readonly placeholder?: string;
  /** One-letter name. */
  readonly short?: string;
  /** What stands for the value without the flag, or `needed`, for help; the value is then `undefined`. Not needed beside `default`. */
  readonly unset?: string;
}
/** One flag: its help, and what values it takes. */
export type FlagSpec = FlagBase & ValueRule & { readonly default?: number | string | boolean };
/** By attribute name: `batchSize` is `--batch-size`. */
export type FlagTable = Readonly<Record<string, FlagSpec>>;

type Plain<S> = S extends { type: 'enum'; values: readonly (infer V)[] }
  ? V
  : S extends { type: 'int' | 'number' }
    ? number
    : S extends { type: 'boolean' }
      ? boolean
      : string;
/** The values of a table: typed by each entry, `undefined` where there is no default. */
export type FlagValues<T extends FlagTable> = {
  readonly [K in keyof T]: T[K] extends { default: number | string | boolean } ? Plain<T[K]> : Plain<T[K]> | undefined;
};

/** What flags with a fixed choice of values take, for completion. */
const choices = new WeakMap<Option, readonly string[]>();
/** The values that a flag takes; undefined for one that takes any. */
export const choicesOf = (option: Option): readonly string[] | undefined => choices.get(option);

/**
 * Adds the flags of a table to a command, in their order.
 * @param group the heading that they stand under in help
 */
export function addFlags<C extends Command>(command: C, table: FlagTable, group = ''): C {
  for (const [name, spec] of Object.entries(table)) {
    const short = spec.short ? `-${spec.short}, ` : '';
    const value = spec.type === 'boolean' ? '' : ` <${spec.placeholder ?? PLACEHOLDERS[spec.type]}>`;
    const option = new Option(`${short}--${kebabCase(name)}${value}`, flagHelp(spec));
    if (spec.type === 'enum') choices.set(option, spec.values);
    command.addOption(grouped(option, group));
    if (spec.opposite) {
      command.addOption(grouped(new Option(`--${spec.opposite}`, `the opposite of --${kebabCase(name)}`), group));
    }
  }
  return command;
}

/** A flag under a heading of help; under none where there is none. */
export const grouped = (option: Option, group: string): Option => (group === '' ? option : option.helpGroup(group));

/**
 * The values of a table's flags for a parsed command.
 * @param defaults the config's defaults, by attribute name.
 * @throws AutoCircuitError naming the flag (or the config) and what may stand there.
 */
export function readFlags<T extends FlagTable>(
  command: Command,
  table: T,
  defaults: Readonly<Record<string, unknown>> = {},
): FlagValues<T> {
  const given = command.optsWithGlobals() as Readonly<Record<string, unknown>>;
  const values: Record<string, unknown> = {};
  const where = command.name();
  for (const [name, spec] of Object.entries(table)) {
    const flag = `--${kebabCase(name)}`;
    const raw = spec.opposite ? eitherOf(command, name, flag, spec.opposite) : given[name];
    if (raw === '' && PATHS.includes(`${spec.placeholder}`)) throw emptyPath(where, flag);
    if (raw !== undefined) values[name] = parseOptionValue(spec, raw, where, flag);
    else if (Object.hasOwn(defaults, name))
      values[name] = parseOptionValue(spec, defaults[name], 'config', `the default "${name}"`);
    else values[name] = spec.default;
  }
  return Object.freeze(values) as FlagValues<T>;
}

/** What stands for a path in help. */
const PATHS: readonly string[] = ['DIR', 'FILE'];
/** An empty path would be the folder that the command is run in. */
const emptyPath = (where: string, flag: string): AutoCircuitError =>
  new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: flag, got: '' },
    where,
    what: `${flag} is not valid`,
    expected: 'a path',
    got: '""',
  });

/** @throws AutoCircuitError when a flag that this command cannot do without is missing. */
export function requireFlag<V>(value: V | undefined, command: Command, flag: string, example: string): V {
  if (value !== undefined) return value;
  throw new AutoCircuitError({
    code: 'missing-option',
    fields: { option: flag },
    where: command.name(),
    what: `${flag} is missing`,
    fix: `give it, for example: ${flag} ${example}`,
  });
}

/** The names that a config's `defaults` may use for a command's flags. */
export function flagNames(command: Command): string[] {
  return command.options.map((option) => option.attributeName());
}

const PLACEHOLDERS: Readonly<Record<ValueRule['type'], string>> = {
  int: 'N',
  number: 'X',
  string: 'TEXT',
  boolean: '',
  enum: 'NAME',
};

function flagHelp(spec: FlagSpec): string {
  const may = spec.type === 'enum' ? expectedText(spec) : '';
  const otherwise = spec.default === undefined ? unsetText(spec.unset) : `default: ${defaultText(spec)}`;
  const remark = [may, otherwise].filter(Boolean).join('; ');
  return remark ? `${spec.doc} (${remark})` : spec.doc;
}

const unsetText = (unset: string | undefined): string | undefined =>
  unset === undefined || unset.startsWith('needed') ? unset : `default: ${unset}`;

function defaultText(spec: FlagSpec): string {
  if (spec.type !== 'boolean') return spec.default === '' ? 'none' : String(spec.default);
  if (spec.default) return 'on';
  return spec.opposite ? `off, as with --${spec.opposite}` : 'off';
}

/** commander keeps `--no-x` under x itself (the last one wins), other opposites under their own names. */
function eitherOf(command: Command, name: string, flag: string, opposite: string): unknown {
  const given = command.opts() as Readonly<Record<string, unknown>>;
  if (opposite === `no-${kebabCase(name)}`)
    return command.getOptionValueSource(name) === 'cli' ? given[name] : undefined;
  const other = given[opposite.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
  if (given[name] === true && other === true) {
    throw new AutoCircuitError({
      code: 'conflicting-options',
      fields: { options: [flag, `--${opposite}`] },
      where: command.name(),
      what: `${flag} and --${opposite} cannot be used together`,
    });
  }
  return other === true ? false : given[name];
}
