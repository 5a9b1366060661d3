/** @file Lines over a number as SVG, on linear axes: for figures that a result carries. */
import { escapeHtml, plural, shortNumber, tickNumber } from '../markup/text.js';
import { figure, linePath, niceStep, PLOT, px, seriesClass, valueScale, xTick, xTitle, yTick } from './frame.js';

/** A point; `error`: one standard error. */
export interface LinePoint {
  readonly x: number;
  readonly y: number;
  readonly error?: number | undefined;
}
/** A line with its name. */
export interface Line {
  readonly name: string;
  readonly points: readonly LinePoint[];
}

/** The chart as an HTML figure; points that are not finite are left out. @param along what the horizontal axis is */
export function linesSvg(title: string, unit: string, along: string, lines: readonly Line[]): string {
  const drawn = lines.map(({ name, points }) => ({
    name,
    points: points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y)),
  }));
  const all = drawn.flatMap(({ points }) => points);
  const y = valueScale(all.flatMap(({ y: value, error = 0 }) => [value - error, value + error]));
  const low = all.reduce((least, { x }) => Math.min(least, x), all[0]?.x ?? 0);
  const high = all.reduce((most, { x }) => Math.max(most, x), all[0]?.x ?? 1);
  const span = high - low || 1;
  const xOf = (value: number): number => PLOT.left + 8 + ((value - low) / span) * (PLOT.right - PLOT.left - 16);
  const step = niceStep(span / 5);
  const ticks: number[] = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) ticks.push(k * step);
  const parts = [
    ...y.ticks.map((tick) => yTick(tick, y.at(tick))),
    ...ticks.map((tick) => xTick(xOf(tick), tickNumber(tick))),
    ...drawn.map(({ name, points }, i) => {
      const dots = points.map(
        (point) =>
          `<circle class="dot" cx="${px(xOf(point.x))}" cy="${px(y.at(point.y))}" r="2.4"><title>${escapeHtml(`${name}, ${along} ${tickNumber(point.x)}: ${shortNumber(point.y)}${point.error ? ` ± ${shortNumber(point.error)}` : ''}`)}</title></circle>`,
      );
      const upper = points.map(({ x, y: value, error = 0 }) => `${px(xOf(x))} ${px(y.at(value + error))}`);
      const lower = points.map(({ x, y: value, error = 0 }) => `${px(xOf(x))} ${px(y.at(value - error))}`).reverse();
      const band = points.some(({ error }) => error)
        ? `<path class="error-band" d="M${[...upper, ...lower].join('L')}Z"/>`
        : '';
      const line = linePath(points.map((point) => [xOf(point.x), y.at(point.y)]));
      return `<g class="series ${seriesClass(i)}">${band}<path class="curve" d="${line}"/>${dots.join('')}</g>`;
    }),
    xTitle(along),
  ];
  const label = `${title} by ${along}: ${drawn.map(({ name, points }) => `${name}, ${plural(points.length, 'point')}`).join('; ')}`;
  const names =
    lines.length > 1
      ? `<ul class="legend swatches">${lines.map(({ name }, i) => `<li class="${seriesClass(i)}"><i></i><span>${escapeHtml(name)}</span></li>`).join('')}</ul>`
      : '';
  return `<div>${figure({ title, unit, label }, parts.join(''))}${names}</div>`;
}
