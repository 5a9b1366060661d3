/** @file The level of an interval: the share of samples in which it is to hold what is asked for. */
import { AutoCircuitError } from '../errors/error.js';

/** @throws AutoCircuitError `invalid-option` when the level is not between 0 and 1 */
export function checkLevel(level: number): void {
  if (level > 0 && level < 1) return;
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: 'level', got: level },
    where: 'statistics',
    what: 'the level of an interval is not usable',
    expected: 'a number between 0 and 1',
    got: `${level}`,
  });
}
