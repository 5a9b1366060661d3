/** @file The keys and values of a prefix that was run before, as inputs of a program. */
import type { ProgramBuilder } from '../../ir/builder/builder.js';
import type { AnyValue } from '../../ir/program/program.js';

/** The input of a program that holds a prefix's keys or values at a site: [groups, 1, batch, prefix, width]. */
export const prefixInputName = (site: string, input: 'k' | 'v'): string => `prefix:${input}:${site}`;

/**
 * A module's own keys or values [groups, heads per group or 1, batch, pos, width], after those of the prefix:
 * [groups, heads per group or 1, batch, prefix + pos, width].
 */
export function prependPrefix(
  b: ProgramBuilder,
  site: string,
  input: 'k' | 'v',
  value: AnyValue,
  length: number,
): AnyValue {
  const [groups, perGroup, batch, , width] = value.shape;
  const prefix = b.input(prefixInputName(site, input), 'float', [groups!, 1, batch!, length, width!]);
  return b.concat([b.broadcast(prefix, [groups!, perGroup!, batch!, length, width!]), value], 3);
}
