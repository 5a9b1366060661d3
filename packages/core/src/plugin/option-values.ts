/** @file From what was given (command line text, or values of a config or a caller) to the values an option table describes. */
import { AutoCircuitError } from '../errors/error.js';
import { didYouMean, nearestNames, unknownName } from '../errors/names.js';
import type { OptionSpec, OptionTable, OptionValues } from './options.js';

/**
 * Checks and completes options. Text is read as the option's type (`"5"` → 5, `"true"`, `"yes"`, `"on"` → true), and
 * values of that type are taken as they are; what is missing (or `undefined`) gets its default. A name may be written
 * in kebab-case or camelCase (`max-edges`, `maxEdges`).
 * @param where the start of error sentences: `eap-ig`, `--algo`, a config file.
 * @throws AutoCircuitError for an unknown option (with the nearest names), one given twice, or a value that does not fit.
 */
export function parseOptions<T extends OptionTable>(
  table: T,
  given: Readonly<Record<string, unknown>>,
  where: string,
): OptionValues<T> {
  const values: Record<string, unknown> = { ...optionDefaults(table) };
  const seen = new Map<string, string>();
  for (const [name, raw] of Object.entries(given)) {
    const known = optionName(table, name);
    if (known === null) throw unknownOption(table, name, where);
    const twin = seen.get(known);
    if (twin !== undefined) {
      throw new AutoCircuitError({
        code: 'conflicting-options',
        fields: { options: [twin, name] },
        where,
        what: `option "${known}" is given as "${twin}" and as "${name}"`,
      });
    }
    seen.set(known, name);
    if (raw !== undefined) values[known] = parseOptionValue(table[known]!, raw, where, `option "${known}"`, known);
  }
  return Object.freeze(values) as OptionValues<T>;
}

function unknownOption(table: OptionTable, name: string, where: string): AutoCircuitError {
  const names = Object.keys(table);
  if (names.length > 0) return unknownName(where, 'option', name, names);
  return new AutoCircuitError({
    code: 'unknown-name',
    fields: { what: 'option', name, nearest: [], known: [] },
    where,
    what: `unknown option "${name}"; ${where} has no options`,
  });
}

/** Every option at its default. */
export function optionDefaults<T extends OptionTable>(table: T): OptionValues<T> {
  return Object.fromEntries(Object.entries(table).map(([name, spec]) => [name, spec.default])) as OptionValues<T>;
}

/** The name in the table for what was written, or null: kebab-case and camelCase are the same name. */
export function optionName(table: OptionTable, written: string): string | null {
  if (Object.hasOwn(table, written)) return written;
  return Object.keys(table).find((name) => kebabCase(name) === kebabCase(written)) ?? null;
}

/** `maxEdges` → `max-edges`. */
export function kebabCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase();
}

/** What a value of an option may be; `OptionSpec` without its doc and default. */
export type ValueRule = OptionSpec extends infer S
  ? S extends OptionSpec
    ? Omit<S, 'doc' | 'default'>
    : never
  : never;

/**
 * One value, from text or as it is.
 * @param what how sentences name it: `option "steps"`, `--threads`
 * @param name its plain name, for the fields of an error
 * @throws AutoCircuitError saying what may stand there.
 */
export function parseOptionValue(
  rule: ValueRule,
  raw: unknown,
  where: string,
  what: string,
  name = what,
): number | string | boolean {
  const value = PARSERS[rule.type](rule as never, raw);
  if (value !== null) return value;
  const got = typeof raw === 'string' ? `"${raw}"` : describe(raw);
  const nearest = rule.type === 'enum' && typeof raw === 'string' ? nearestNames(raw, rule.values) : [];
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: name, got: raw },
    where,
    what: `${what} is not valid`,
    expected: expectedText(rule),
    got,
    ...(nearest.length > 0 ? { fix: didYouMean(nearest) } : {}),
  });
}

/** What may stand there, in words: `a whole number from 1 to 10`, `one of inputs, activations`. */
export function expectedText(rule: ValueRule): string {
  if (rule.type === 'enum') return `one of ${rule.values.join(', ')}`;
  if (rule.type === 'string') return 'text';
  if (rule.type === 'boolean') return 'true or false';
  const range = [rule.min !== undefined && `from ${rule.min}`, rule.max !== undefined && `up to ${rule.max}`];
  return [rule.type === 'int' ? 'a whole number' : 'a number', ...range.filter(Boolean)].join(' ');
}

type Parsers = {
  readonly [K in ValueRule['type']]: (
    rule: Extract<ValueRule, { type: K }>,
    raw: unknown,
  ) => number | string | boolean | null;
};

const PARSERS: Parsers = {
  int: (rule, raw) => inRange(rule, numberOf(raw), Number.isSafeInteger),
  number: (rule, raw) => inRange(rule, numberOf(raw), (n) => Number.isFinite(n) || rule.max === Infinity),
  string: (_, raw) => (typeof raw === 'string' ? raw : null),
  boolean: (_, raw) =>
    typeof raw === 'boolean' ? raw : typeof raw === 'string' ? (WORDS.get(raw.toLowerCase()) ?? null) : null,
  enum: (rule, raw) => (typeof raw === 'string' && rule.values.includes(raw) ? raw : null),
};

const WORDS: ReadonlyMap<string, boolean> = new Map([
  ...['true', 'yes', 'on', '1'].map((word) => [word, true] as const),
  ...['false', 'no', 'off', '0'].map((word) => [word, false] as const),
]);

function inRange(
  { min = -Infinity, max = Infinity }: { readonly min?: number; readonly max?: number },
  value: number,
  fits: (value: number) => boolean,
): number | null {
  return fits(value) && value >= min && value <= max ? value : null;
}

/** NaN for what is no number. Decimal and scientific notation, and `inf`; not '' or hexadecimal. */
function numberOf(raw: unknown): number {
  if (typeof raw === 'number') return raw;
  if (typeof raw !== 'string') return Number.NaN;
  if (/^[+-]?inf(inity)?$/i.test(raw)) return raw.startsWith('-') ? -Infinity : Infinity;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(raw.trim()) ? Number(raw) : Number.NaN;
}

function describe(raw: unknown): string {
  if (raw === null || typeof raw !== 'object')
    return `${String(raw)}${typeof raw === 'number' ? '' : ` (${typeof raw})`}`;
  return Array.isArray(raw) ? 'a list' : 'an object';
}
