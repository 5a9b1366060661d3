/** @file The keys and values of a prefix that was run before, as inputs of a program. */
import type { ProgramBuilder } from '../../ir/builder/builder.js';
import type { AnyValue } from '../../ir/program/program.js';

/** The inputs of a program that hold the prefix's keys and values, [groups, 1, batch, prefix, width]. */
export const prefixInputName = (site: string, part: 'k' | 'v'): string => `prefix:${part}:${site}`;

/** Before a module's own keys or values [groups, heads per group or 1, batch, pos, width] those of the prefix. */
export function prependPrefix(
  b: ProgramBuilder,
  site: string,
  part: 'k' | 'v',
  value: AnyValue,
  length: number,
): AnyValue {
  const [groups, perGroup, batch, , width] = value.shape;
  const kept = b.input(prefixInputName(site, part), 'float', [groups!, 1, batch!, length, width!]);
  return b.concat([b.broadcast(kept, [groups!, perGroup!, batch!, length, width!]), value], 3);
}
