/** @file Bars side by side as SVG: one for each name, a dot for each of the values that its bar is the mean of. */
import { escapeHtml, shortNumber, tickNumber } from '../markup/text.js';
import { figure, NAMES_RIGHT as LEFT, niceStep, px, seriesClass, shortened, WIDTH } from './frame.js';

/** A bar, and the values that it is the mean of. */
export interface Bar {
  readonly name: string;
  /** null and what is not finite is left out. */
  readonly values: readonly (number | null)[];
  /** What stands in place of a bar where there is no value. */
  readonly none?: string;
  readonly colour: number;
}

const ROW = 26;
const END = 62;

/** The chart as an HTML figure. @param unit what the values are in */
export function barsSvg(title: string, unit: string, bars: readonly Bar[]): string {
  const means = bars.map(({ values }) => meanOf(finite(values)));
  const all = bars.flatMap(({ values }) => finite(values));
  const low = all.reduce((least, value) => Math.min(least, value), 0);
  const high = all.reduce((most, value) => Math.max(most, value), Math.max(0, low + 1e-12));
  const x = (value: number): number => LEFT + ((value - low) / (high - low)) * (WIDTH - LEFT - END);
  const height = bars.length * ROW + 26;
  const step = niceStep((high - low) / 3);
  const ticks: number[] = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) ticks.push(k * step);
  const grid = ticks.map(
    (tick) =>
      `<line class="grid" x1="${px(x(tick))}" x2="${px(x(tick))}" y1="0" y2="${height - 22}"/><text class="tick" x="${px(x(tick))}" y="${height - 8}" text-anchor="middle">${tickNumber(tick)}</text>`,
  );
  const rows = bars.map(({ name, values, colour, none = 'none' }, i) => {
    const mean = means[i]!;
    const y = i * ROW + ROW / 2;
    const label = `<text class="name" x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${escapeHtml(shortened(name))}<title>${escapeHtml(name)}</title></text>`;
    if (mean === null) return `${label}<text class="tick" x="${px(x(0) + 6)}" y="${y + 4}">${escapeHtml(none)}</text>`;
    const [from, to] = [Math.min(x(0), x(mean)), Math.max(x(0), x(mean))];
    const own = finite(values);
    const dots =
      own.length > 1 ? own.map((value) => `<circle class="value" cx="${px(x(value))}" cy="${y}" r="2"/>`) : [];
    const end = Math.max(to, ...own.map(x));
    return `${label}<g class="series ${seriesClass(colour)}"><rect class="bar" x="${px(from)}" y="${y - 8}" width="${px(Math.max(1, to - from))}" height="16" rx="2"/>${dots.join('')}</g><text class="number" x="${px(end + 9)}" y="${y + 4}">${shortNumber(mean)}</text>`;
  });
  const label = `${title}: ${bars.map(({ name }, i) => `${name} ${means[i] === null ? 'none' : shortNumber(means[i]!)}`).join(', ')}`;
  return figure({ title, unit, label }, [...grid, ...rows].join(''), { height, width: WIDTH });
}

const finite = (values: readonly (number | null)[]): number[] =>
  values.filter((value): value is number => value !== null && Number.isFinite(value));
const meanOf = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
