/** @file What charts share: their size, scales and ticks. */
import { count, escapeHtml, shortNumber, superscript, tickNumber } from '../markup/text.js';

/** Size of a chart, in units of its SVG. */
export const WIDTH = 460;
/** See `WIDTH`. */
export const HEIGHT = 250;
/** The area between the axes. */
export const PLOT = { left: 52, right: 446, top: 14, bottom: 212 } as const;

/** A coordinate as text, to a tenth of a unit. */
export const px = (value: number): string => `${Math.round(value * 10) / 10}`;

/** The number of edges on a logarithmic axis. */
export interface EdgeScale {
  at(edges: number): number;
  readonly ticks: readonly { readonly edges: number; readonly label: string }[];
  /** For the page's script: x of 0 edges, x of 1 edge, and the length of a decade. */
  readonly numbers: readonly [number, number, number];
}

/** log10 from 1 to all edges; 0 has no place on such an axis and gets one of its own at the left. */
export function edgeScale(hasZero: boolean, total: number): EdgeScale {
  const zero = PLOT.left + 8;
  const first = hasZero ? PLOT.left + 36 : zero;
  const decade = (PLOT.right - 8 - first) / Math.max(Math.log10(total), 1e-9);
  const at = (edges: number): number => (edges < 1 ? zero : first + decade * Math.log10(edges));
  const ticks = hasZero ? [{ edges: 0, label: '0' }] : [];
  for (let power = 1; power <= total; power *= 10) {
    // The last power of ten is left out where the label at the end of the axis would overlap it.
    if (at(total) - at(power) > 40 || power === total) ticks.push({ edges: power, label: powerLabel(power) });
  }
  if (ticks.at(-1)?.edges !== total) ticks.push({ edges: total, label: count(total) });
  return { at, ticks, numbers: [zero, first, decade] };
}
const powerLabel = (power: number): string =>
  power < 1e4 ? count(power) : `10${superscript(Math.round(Math.log10(power)))}`;

/** Values on a linear axis. */
export interface ValueScale {
  at(value: number): number;
  readonly ticks: readonly number[];
}

/** A scale that holds these values, with a little space above and below. */
export function valueScale(values: readonly number[]): ValueScale {
  let low = values.length ? values.reduce((least, value) => Math.min(least, value)) : 0;
  let high = values.length ? values.reduce((most, value) => Math.max(most, value)) : 1;
  if (high === low) [low, high] = [low - 0.5, high + 0.5];
  const pad = (high - low) * 0.06;
  [low, high] = [low - pad, high + pad];
  const step = niceStep((high - low) / 4);
  const ticks: number[] = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) ticks.push(k * step);
  return { at: (value) => PLOT.bottom - ((value - low) / (high - low)) * (PLOT.bottom - PLOT.top), ticks };
}

/** 1, 2 or 5 times a power of ten, at least `rough`. */
export function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((f) => f * power >= rough * (1 - 1e-9))!;
  return factor * power;
}

/** A tick of the vertical axis, with a line across. */
export const yTick = (tick: number, y: number): string =>
  `<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${px(y)}" y2="${px(y)}"/><text class="tick" x="${PLOT.left - 6}" y="${px(y + 3.5)}" text-anchor="end">${tickNumber(tick)}</text>`;
/** A tick of the horizontal axis. */
export const xTick = (x: number, label: string): string =>
  `<line class="grid" x1="${px(x)}" x2="${px(x)}" y1="${PLOT.bottom}" y2="${PLOT.bottom + 4}"/><text class="tick" x="${px(x)}" y="${PLOT.bottom + 17}" text-anchor="middle">${label}</text>`;
/** The title of the horizontal axis. */
export const xTitle = (text: string): string =>
  `<text class="axis" x="${(PLOT.left + PLOT.right) / 2}" y="${HEIGHT - 4}" text-anchor="middle">${escapeHtml(text)}</text>`;

/**
 * A line across, and its name, which is drawn last so that it can be read.
 * @param taken heights of names that are already there, which this one avoids
 */
export function levelSvg(
  { label, value }: { readonly label: string; readonly value: number },
  y: number,
  taken: number[],
): { readonly line: string; readonly name: string } {
  let text = y < PLOT.top + 14 ? y + 12 : y - 5;
  if (taken.some((other) => Math.abs(other - text) < 11)) text = text < y ? y + 12 : y - 4;
  taken.push(text);
  return {
    line: `<line class="level" x1="${PLOT.left}" x2="${PLOT.right}" y1="${px(y)}" y2="${px(y)}"><title>${escapeHtml(label)}: ${shortNumber(value)}</title></line>`,
    name: `<text class="level-label" x="${PLOT.right}" y="${px(text)}" text-anchor="end">${escapeHtml(label)}</text>`,
  };
}

/** A figure with a caption; `body` is SVG text. `data`: further attributes of the svg element. */
export function figure(
  { title, unit = '', label }: { readonly title: string; readonly unit?: string; readonly label: string },
  body: string,
  { width = WIDTH, height = HEIGHT, data = '' } = {},
): string {
  return `<figure class="chart"><figcaption>${escapeHtml(title)}${unit ? ` <span class="unit">${escapeHtml(unit)}</span>` : ''}</figcaption><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(label)}"${data}>${body}</svg></figure>`;
}

/** So many lines have colours of their own; further ones repeat them, with dashes. */
const COLOURS = 8;
/** The CSS classes of a series: its colour and dashes. */
export const seriesClass = (index: number): string =>
  `c${index % COLOURS}${index >= COLOURS ? ` dash${Math.floor(index / COLOURS) % 3}` : ''}`;

/** Where names at the left of bars and heat maps end. */
export const NAMES_RIGHT = 150;

/** A name of at most so many characters. Names differ at their ends too (`…, seed 1`), so the middle goes. */
export function shortened(name: string, most = 22): string {
  if (name.length <= most) return name;
  const end = Math.min(7, Math.floor(most / 3));
  return `${name.slice(0, most - 1 - end)}…${name.slice(-end)}`;
}

/** A line through points, as the text of an SVG path. */
export const linePath = (points: readonly (readonly [x: number, y: number])[]): string =>
  points.map(([x, y], i) => `${i ? 'L' : 'M'}${px(x)} ${px(y)}`).join('');
