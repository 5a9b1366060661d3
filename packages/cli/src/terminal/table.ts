/** @file Tables: a plain header, no boxes, columns as wide as what they hold; the last text column wraps to the terminal. */
import Table from 'cli-table3';
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

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
} as const;

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
  const table = new Table({
    chars: NO_BORDERS,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    head: columns.map(({ title }) => output.colors.dim(title)),
    colAligns: columns.map(({ align = 'left' }) => align),
    colWidths: columnWidths(columns, rows, output.width - indent),
    wordWrap: true,
  });
  for (const row of rows) table.push([...row]);
  return table
    .toString()
    .split('\n')
    .map((line) => (' '.repeat(indent) + line).trimEnd());
}

const GAP = 2;
const NARROWEST = 16;

/** Natural widths; where they do not fit the terminal, the widest left-aligned column gives way. */
function columnWidths(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): number[] {
  const widths = columns.map(({ title }, c) =>
    rows.reduce((most, row) => Math.max(most, visibleLength(row[c] ?? '')), title.length),
  );
  const total = widths.reduce((sum, w) => sum + w, GAP * (columns.length - 1));
  const texts = widths.map((w, c) => ({ w, c })).filter(({ c }) => columns[c]!.align !== 'right');
  const widest = texts.sort((a, b) => b.w - a.w)[0];
  if (total > width && widest) widths[widest.c] = Math.max(NARROWEST, widest.w - (total - width));
  return widths;
}

function visibleLength(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour sequences start with the escape character
  return text.replace(/\u001b\[[0-9;]*m/g, '').length;
}
