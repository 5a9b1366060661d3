/** @file How a cell of a heat map shows its value, from 0 to 1. */

/** The ink on a cell stays readable at every value. */
export const cellOpacity = (value: number): string => (0.04 + 0.5 * value).toFixed(3);
/** The number in a cell. @param short with one digit after the point, for small cells */
export const cellText = (value: number, short: boolean): string => value.toFixed(short ? 1 : 2);

/** A heat map at one number of edges. */
export interface SizedMap {
  readonly edges: number;
  /** Row by row. */
  readonly values: readonly number[];
}
