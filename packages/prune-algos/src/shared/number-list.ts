/** @file Options that are lists of numbers, written with commas: `0.001,0.003,1e-2`. */
import { AutoCircuitError } from '@auto-circuit/core/plugin';

/**
 * The numbers of a comma-separated text; none for an empty one.
 * @param rule what each must be, in words and as a test
 * @throws AutoCircuitError `invalid-option` naming the entry that does not fit
 */
export function numberList(
  where: string,
  option: string,
  text: string,
  rule: { readonly expected: string; readonly fits: (value: number) => boolean },
): number[] {
  if (text.trim() === '') return [];
  return text.split(',').map((entry) => {
    const value = entry.trim() === '' ? Number.NaN : Number(entry);
    if (rule.fits(value)) return value;
    throw new AutoCircuitError({
      code: 'invalid-option',
      fields: { option, got: entry.trim() },
      where,
      what: `option "${option}" is not valid`,
      expected: `${rule.expected}, separated by commas`,
      got: `"${entry.trim()}" in "${text}"`,
    });
  });
}
