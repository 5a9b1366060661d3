/** @file A contribution with its options in one text, `name(option=value,…)`: as command lines and files name it. */
import { AutoCircuitError } from '../errors/error.js';
import { kebabCase, parseOptions } from './option-values.js';
import type { OptionTable, OptionValues } from './options.js';

/** What a text names. */
export interface NamedOptions {
  readonly name: string;
  /** As they are written, in order. */
  readonly options: readonly (readonly [name: string, value: string])[];
}

/**
 * Reads `name` or `name(option=value,…)`; a comma separates options where a name and `=` follow, and else belongs to the value.
 * @param where for errors: the command
 * @param what names the kind: `a metric`
 * @param option for the fields of errors; default: the kind
 * @throws AutoCircuitError `invalid-option` for anything else
 */
export function readNamedOptions(
  where: string,
  what: string,
  text: string,
  option = what.split(' ').at(-1)!,
): NamedOptions {
  const match = /^([^()]*)(?:\((.*)\))?$/s.exec(text.trim());
  const inside = match?.[2];
  const pairs = inside === undefined || inside.trim() === '' ? [] : inside.split(/,(?=\s*[A-Za-z][\w-]*\s*=)/);
  const read = pairs.map((pair) => /^\s*([A-Za-z][\w-]*)\s*=(.*)$/s.exec(pair));
  if (!match || match[1]!.trim() === '' || read.includes(null)) {
    throw new AutoCircuitError({
      code: 'invalid-option',
      fields: { option, got: text },
      where,
      what: `${what} with its options is not readable`,
      expected: 'name(option=value,…)',
      got: `"${text}"`,
    });
  }
  return { name: match[1]!.trim(), options: read.map((pair) => [pair![1]!, pair![2]!.trim()] as const) };
}

/** Texts with commas between them, of which those inside parentheses separate nothing. */
export function splitNames(text: string): string[] {
  return (text.match(/[^,(]*\([^)]*\)[^,]*|[^,]+/g) ?? []).map((part) => part.trim());
}

/** The options that a text names, checked and completed by a table. @throws AutoCircuitError as `parseOptions` does */
export function optionsOf<T extends OptionTable>(table: T, { name, options }: NamedOptions): OptionValues<T> {
  const written = options.map(([option]) => kebabCase(option));
  const twin = written.find((option, i) => written.indexOf(option) < i);
  if (twin === undefined) return parseOptions(table, Object.fromEntries(options), name);
  throw new AutoCircuitError({
    code: 'conflicting-options',
    fields: { options: [twin, twin] },
    where: name,
    what: `option "${twin}" is given twice`,
  });
}

/** `name`, or `name(option=value,…)` with the options that are not at their defaults, in the order of the table. */
export function optionsText(
  name: string,
  table: OptionTable,
  options: Readonly<Record<string, string | number | boolean>>,
): string {
  const set = Object.entries(table).flatMap(([option, spec]) => {
    const value = options[option];
    return value === undefined || value === spec.default ? [] : [`${kebabCase(option)}=${value}`];
  });
  return set.length === 0 ? name : `${name}(${set.join(',')})`;
}
