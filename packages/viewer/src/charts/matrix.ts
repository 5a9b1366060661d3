/** @file A matrix of numbers as SVG: the stronger a cell's colour, the larger its number; numbers below 0 have the other colour. */
import { escapeHtml, shortNumber } from '../markup/text.js';
import { figure, px, shortened } from './frame.js';

/** Cells smaller than this carry no number. */
const NUMBERED = 38;
const LARGEST = 48;
const SMALLEST = 9;
const ROOM = 380;
/** Names closer than this would overlap: then only some are written. */
const NAME = { row: 12, column: 17 } as const;
/** Width of a letter, about. */
const LETTER = 6.2;

/** The chart as an HTML figure. @param values [rows][columns]; null is an empty cell */
export function matrixSvg(
  { title, unit = '' }: { readonly title: string; readonly unit?: string },
  rows: readonly string[],
  columns: readonly string[],
  values: readonly (readonly (number | null)[])[],
): string {
  const finite = values.flat().filter((value): value is number => value !== null && Number.isFinite(value));
  const largest = finite.reduce((most, x) => Math.max(most, Math.abs(x)), 0) || 1;
  const cell = Math.min(LARGEST, Math.max(SMALLEST, ROOM / Math.max(1, columns.length)));
  const names = rows.map((name) => shortened(name, 20));
  const heads = columns.map((name) => shortened(name, 16));
  const left = 14 + LETTER * Math.max(1, ...names.map(({ length }) => length));
  const top = 14 + 5 * Math.max(1, ...heads.map(({ length }) => length));
  const every = { row: Math.ceil(NAME.row / cell), column: Math.ceil(NAME.column / cell) };
  const columnNames = heads.map((name, i) => {
    const x = left + (i + 0.5) * cell + 3;
    return i % every.column === 0
      ? `<text class="name" x="${px(x)}" y="${px(top - 5)}" transform="rotate(-50 ${px(x)} ${px(top - 5)})">${escapeHtml(name)}</text>`
      : '';
  });
  const lines = rows.map((row, r) => {
    const y = top + r * cell;
    const name = `<text class="name" x="${px(left - 6)}" y="${px(y + cell / 2 + 4)}" text-anchor="end">${escapeHtml(names[r]!)}</text>`;
    const cells = columns.map((column, c) => {
      const value = values[r]?.[c] ?? null;
      if (value === null) return '';
      const share = Number.isFinite(value) ? Math.abs(value) / largest : 1;
      const number =
        cell >= NUMBERED
          ? `<text class="cell-number" x="${px(left + (c + 0.5) * cell)}" y="${px(y + cell / 2 + 3.6)}" text-anchor="middle">${shortNumber(value)}</text>`
          : '';
      return `<rect class="cell${value < 0 ? ' below' : ''}" x="${px(left + c * cell + 0.5)}" y="${px(y + 0.5)}" width="${px(cell - 1)}" height="${px(cell - 1)}" fill-opacity="${(0.03 + 0.52 * share).toFixed(3)}"><title>${escapeHtml(`${row}, ${column}: ${shortNumber(value)}`)}</title></rect>${number}`;
    });
    return (r % every.row === 0 ? name : '') + cells.join('');
  });
  const width = Math.ceil(left + columns.length * cell + 5 * Math.max(0, (heads.at(-1)?.length ?? 0) - cell / 8) + 8);
  const height = Math.ceil(top + rows.length * cell + 6);
  const label = `${title}: ${rows.length} by ${columns.length} numbers`;
  return figure({ title, unit, label }, [...columnNames, ...lines].join(''), { width, height });
}
