/** @file The section of the report for figures that a result carries: curves, bars, heat maps and tables from plain data. */
import type { ReportInput, ResultFigure, TableFigure } from '@auto-circuit/core/run';
import { barsSvg } from '../charts/bars.js';
import { linesSvg } from '../charts/lines.js';
import { matrixSvg } from '../charts/matrix.js';
import { sectionHtml } from '../markup/section.js';
import { escapeHtml, shortNumber } from '../markup/text.js';

/** The section's HTML; empty where the result has no figures. */
export function figuresSection({ figures = [] }: Pick<ReportInput, 'figures'>): string {
  const drawn = figures.map((figure) => {
    const doc = figure.doc ? `<p class="note">${escapeHtml(figure.doc)}</p>` : '';
    return `<div${figure.kind === 'table' ? ' class="broad"' : ''}>${figureHtml(figure)}${doc}</div>`;
  });
  return sectionHtml('figures', 'Figures', drawn.length ? `<div class="curves">${drawn.join('')}</div>` : '');
}

/** One figure as HTML. */
export function figureHtml(figure: ResultFigure): string {
  const { title, unit = '' } = figure;
  switch (figure.kind) {
    case 'curve':
      return linesSvg(title, unit, figure.along, figure.lines);
    case 'bars':
      return barsSvg(
        title,
        unit,
        figure.bars.map(({ name, value }) => ({ name, values: [value], colour: 0 })),
      );
    case 'heat-map':
      return matrixSvg({ title, unit }, figure.rows, figure.columns, figure.values);
    case 'table':
      return tableHtml(figure);
  }
}

function tableHtml({ title, unit = '', columns, rows }: TableFigure): string {
  // A column of numbers is set to the right, with its head.
  const number = columns.map((_, c) => rows.every((row) => row[c] === null || typeof row[c] === 'number'));
  const side = (c: number): string => (number[c] ? ' class="n"' : '');
  const head = columns.map((column, c) => `<th scope="col"${side(c)}>${escapeHtml(column)}</th>`);
  const text = (value: string | number | null | undefined): string =>
    typeof value === 'number' ? shortNumber(value) : escapeHtml(value ?? '');
  const body = rows.map((row) => `<tr>${columns.map((_, c) => `<td${side(c)}>${text(row[c])}</td>`).join('')}</tr>`);
  return `<figure><figcaption>${escapeHtml(title)}${unit ? ` <span class="unit">${escapeHtml(unit)}</span>` : ''}</figcaption><div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(title)}"><table><thead><tr>${head.join('')}</tr></thead><tbody>${body.join('')}</tbody></table></div></figure>`;
}
