/** @file Tables: a plain header, no boxes, columns as wide as what they hold; the last text column wraps to the terminal. */
import stringWidth from 'fast-string-width';
import { wrapAnsi } from 'fast-wrap-ansi';
import type { Output } from './output.js';

/** A column of a table. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}
/** How a table is set. */
export interface TableOptions {
  /** Blanks before each line. */
  readonly indent?: number;
}

/** Writes a table to stdout (nothing with `--json`). */
export function writeTable(
  output: Output,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: TableOptions = {},
): void {
  for (const line of tableLines(output, columns, rows, options)) output.line(line);
}

/** The lines of a table, its header first. */
export function tableLines(
  output: Output,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { indent = 0 }: TableOptions = {},
): string[] {
  const widths = columnWidths(columns, rows, output.width - indent);
  const header = columns.map(({ title }) => output.colors.dim(title));
  return [header, ...rows].flatMap((row) => rowLines(columns, widths, row)).map((line) => ' '.repeat(indent) + line);
}

/** The lines of one row: as many as its longest cell has once it is wrapped. */
function rowLines(columns: readonly Column[], widths: readonly number[], row: readonly string[]): string[] {
  const cells = row.map((cell, c) => cellLines(cell, Math.max(1, widths[c]!)));
  const height = Math.max(1, ...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    columns
      .map(({ align = 'left' }, c) => {
        const text = cells[c]?.[line] ?? '';
        const blanks = ' '.repeat(Math.max(0, widths[c]! - stringWidth(text)));
        return align === 'right' ? blanks + text : text + blanks;
      })
      .join(' '.repeat(GAP))
      .trimEnd(),
  );
}

/** A cell that fits stays as it is; another is broken between words, a word that is too long inside. */
const cellLines = (cell: string, width: number): string[] =>
  stringWidth(cell) <= width && !cell.includes('\n') ? [cell] : wrapAnsi(cell, width, { hard: true }).split('\n');

const GAP = 2;
const NARROWEST = 16;

/** Natural widths; where they do not fit the terminal, the widest left-aligned column gives way. */
function columnWidths(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): number[] {
  const widths = columns.map(({ title }, c) =>
    rows.reduce((most, row) => Math.max(most, stringWidth(row[c] ?? '')), stringWidth(title)),
  );
  const total = widths.reduce((sum, w) => sum + w, GAP * (columns.length - 1));
  const texts = widths.map((w, c) => ({ w, c })).filter(({ c }) => columns[c]!.align !== 'right');
  const widest = texts.sort((a, b) => b.w - a.w)[0];
  if (total > width && widest) widths[widest.c] = Math.max(NARROWEST, widest.w - (total - width));
  return widths;
}
