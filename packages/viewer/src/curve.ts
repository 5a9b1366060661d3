/** @file A curve over circuit size as SVG: logarithmic x, one point for each measured size, the whole model and the empty circuit as lines. */
import { count, escapeHtml, shortNumber } from './escape.js';

export interface CurvePoint {
  readonly edges: number;
  readonly value: number;
  readonly standardError?: number;
}
export interface Curve {
  readonly title: string;
  readonly unit: string;
  readonly points: readonly CurvePoint[];
  /** Values to draw across, with their names. */
  readonly lines: readonly { readonly label: string; readonly value: number }[];
  /** A range of values to tint. */
  readonly band?: readonly [number, number];
  /** Size of the circuit that was kept. */
  readonly kept: number;
  /** All edges: the right end. */
  readonly total: number;
}

export const WIDTH = 460;
export const HEIGHT = 250;
export const PLOT = { left: 52, right: 446, top: 14, bottom: 212 } as const;

export function curveSvg(curve: Curve): string {
  const points = curve.points.filter(({ value }) => Number.isFinite(value)).toSorted((a, b) => a.edges - b.edges);
  const x = xScale(
    points.some(({ edges }) => edges === 0),
    curve.total,
  );
  const values = [
    ...points.flatMap((p) => [p.value - (p.standardError ?? 0), p.value + (p.standardError ?? 0)]),
    ...curve.lines.map(({ value }) => value),
  ].filter(Number.isFinite);
  const y = yScale(values);
  const parts = [
    ...(curve.band ? [bandSvg(curve.band, y)] : []),
    ...y.ticks.map((tick) => yTick(tick, y.at(tick))),
    ...x.ticks.map(({ edges, label }) => xTick(x.at(edges), label)),
    ...curve.lines.filter(({ value }) => Number.isFinite(value)).map((line) => lineSvg(line, y.at(line.value))),
    `<line class="kept" x1="${px(x.at(curve.kept))}" x2="${px(x.at(curve.kept))}" y1="${PLOT.top}" y2="${PLOT.bottom}"><title>kept: ${count(curve.kept)} edges</title></line>`,
    ...points
      .filter((p) => p.standardError)
      .map((p) => errorBar(x.at(p.edges), y.at(p.value - p.standardError!), y.at(p.value + p.standardError!))),
    `<path class="curve" d="${points.map((p, i) => `${i ? 'L' : 'M'}${px(x.at(p.edges))} ${px(y.at(p.value))}`).join('')}"/>`,
    ...points.map((p) => dotSvg(p, x.at(p.edges), y.at(p.value), p.edges === curve.kept, curve.unit)),
    `<text class="axis" x="${(PLOT.left + PLOT.right) / 2}" y="${HEIGHT - 4}" text-anchor="middle">edges in the circuit</text>`,
  ];
  const label = `${curve.title} by number of edges, ${points.length} sizes`;
  return `<figure class="curve-figure"><figcaption>${escapeHtml(curve.title)} <span class="unit">${escapeHtml(curve.unit)}</span></figcaption><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(label)}">${parts.join('')}</svg></figure>`;
}

interface XScale {
  at(edges: number): number;
  readonly ticks: readonly { readonly edges: number; readonly label: string }[];
}

/** log10 from 1 to all edges; 0 has no place on such an axis and gets one of its own at the left. */
function xScale(hasZero: boolean, total: number): XScale {
  const first = hasZero ? PLOT.left + 36 : PLOT.left + 8;
  const decades = Math.max(Math.log10(total), 1e-9);
  const at = (edges: number): number =>
    edges < 1 ? PLOT.left + 8 : first + ((PLOT.right - 8 - first) * Math.log10(edges)) / decades;
  const ticks = hasZero ? [{ edges: 0, label: '0' }] : [];
  for (let power = 1; power <= total; power *= 10) {
    // The last decade is left out when the end of the axis would run into it.
    if (at(total) - at(power) > 36 || power === total) ticks.push({ edges: power, label: powerLabel(power) });
  }
  if (ticks.at(-1)?.edges !== total) ticks.push({ edges: total, label: count(total) });
  return { at, ticks };
}
const powerLabel = (power: number): string =>
  power < 1e4 ? `${power}` : `10${superscript(Math.round(Math.log10(power)))}`;
const superscript = (n: number): string => [...`${n}`].map((d) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(d)]).join('');

export interface YScale {
  at(value: number): number;
  readonly ticks: readonly number[];
}

export function yScale(values: readonly number[]): YScale {
  let low = values.length ? Math.min(...values) : 0;
  let high = values.length ? Math.max(...values) : 1;
  if (high === low) [low, high] = [low - 0.5, high + 0.5];
  const pad = (high - low) * 0.06;
  [low, high] = [low - pad, high + pad];
  const step = niceStep((high - low) / 4);
  const ticks: number[] = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) ticks.push(k * step);
  return { at: (value) => PLOT.bottom - ((value - low) / (high - low)) * (PLOT.bottom - PLOT.top), ticks };
}

/** 1, 2 or 5 times a power of ten, at least `rough`. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((f) => f * power >= rough)!;
  return factor * power;
}

export const px = (value: number): string => `${Math.round(value * 10) / 10}`;
export const yTick = (tick: number, y: number): string =>
  `<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${px(y)}" y2="${px(y)}"/><text class="tick" x="${PLOT.left - 6}" y="${px(y + 3.5)}" text-anchor="end">${shortNumber(Number(tick.toPrecision(6)))}</text>`;
export const xTick = (x: number, label: string): string =>
  `<line class="grid" x1="${px(x)}" x2="${px(x)}" y1="${PLOT.bottom}" y2="${PLOT.bottom + 4}"/><text class="tick" x="${px(x)}" y="${PLOT.bottom + 17}" text-anchor="middle">${label}</text>`;
const lineSvg = ({ label, value }: { label: string; value: number }, y: number): string =>
  `<line class="level" x1="${PLOT.left}" x2="${PLOT.right}" y1="${px(y)}" y2="${px(y)}"><title>${escapeHtml(label)}: ${shortNumber(value)}</title></line><text class="level-label" x="${PLOT.right}" y="${px(y < PLOT.top + 14 ? y + 11 : y - 4)}" text-anchor="end">${escapeHtml(label)}</text>`;
const bandSvg = ([from, to]: readonly [number, number], y: YScale): string => {
  const top = Math.max(PLOT.top, y.at(to));
  const bottom = Math.min(PLOT.bottom, y.at(from));
  return `<rect class="band" x="${PLOT.left}" width="${PLOT.right - PLOT.left}" y="${px(top)}" height="${px(Math.max(0, bottom - top))}"/>`;
};
const errorBar = (x: number, low: number, high: number): string =>
  `<line class="error" x1="${px(x)}" x2="${px(x)}" y1="${px(low)}" y2="${px(high)}"/>`;
const dotSvg = (p: CurvePoint, x: number, y: number, kept: boolean, unit: string): string =>
  `<circle class="dot${kept ? ' kept-dot' : ''}" cx="${px(x)}" cy="${px(y)}" r="${kept ? 4.5 : 2.6}"><title>${count(p.edges)} edges: ${shortNumber(p.value)}${p.standardError ? ` ± ${shortNumber(p.standardError)}` : ''} ${escapeHtml(unit)}</title></circle>`;
