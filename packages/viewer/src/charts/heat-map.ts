/** @file A heat map as SVG: how much each two of several runs agree, with the numbers in the cells. */

import { escapeHtml } from '../markup/text.js';
import { figure, NAMES_RIGHT as LEFT, px, shortened, WIDTH } from './frame.js';
import { cellOpacity, cellText } from './heat-cell.js';

/** Cells of more runs than this carry no numbers. */
const MOST_NUMBERS = 14;
/** For names that lean out to the right. */
const RIGHT = 62;

/** The chart as an HTML figure. @param values a row and a column for each name, from 0 to 1 */
export function heatMapSvg(
  { title, unit }: { readonly title: string; readonly unit: string },
  names: readonly string[],
  values: readonly (readonly number[])[],
): string {
  const heads = names.map((name) => shortened(name, 17));
  const top = 22 + 4.9 * Math.max(...heads.map(({ length }) => length));
  const cell = Math.min(44, (WIDTH - LEFT - RIGHT) / names.length);
  const at = (i: number): number => LEFT + i * cell;
  const columns = heads.map((name, i) => {
    const x = at(i) + cell / 2;
    return `<text class="name" x="${px(x + 3)}" y="${px(top - 6)}" transform="rotate(-50 ${px(x + 3)} ${px(top - 6)})">${escapeHtml(name)}</text>`;
  });
  const rows = names.map((name, row) => {
    const y = top + row * cell;
    const label = `<text class="name" x="${LEFT - 8}" y="${px(y + cell / 2 + 4)}" text-anchor="end">${escapeHtml(shortened(name))}</text>`;
    const cells = names.map((other, column) => {
      const value = values[row]![column]!;
      const number =
        names.length <= MOST_NUMBERS
          ? `<text class="cell-number" x="${px(at(column) + cell / 2)}" y="${px(y + cell / 2 + 3.6)}" text-anchor="middle">${cellText(value, cell < 26)}</text>`
          : '';
      return `<g><rect class="cell" x="${px(at(column) + 0.5)}" y="${px(y + 0.5)}" width="${px(cell - 1)}" height="${px(cell - 1)}" fill-opacity="${cellOpacity(value)}"><title>${escapeHtml(`${name} and ${other}: ${cellText(value, false)}`)}</title></rect>${number}</g>`;
    });
    return label + cells.join('');
  });
  const height = Math.ceil(top + names.length * cell + 8);
  const label = `${title}: ${names.length} by ${names.length} runs`;
  return figure({ title, unit, label }, [...columns, ...rows].join(''), { height, width: WIDTH });
}
