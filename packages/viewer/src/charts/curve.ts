/** @file Curves over circuit size as SVG: logarithmic x, a point for each measured size, bands of standard errors, named lines across. */
import { edgesText, escapeHtml, plural, shortNumber } from '../markup/text.js';
import {
  type EdgeScale,
  edgeScale,
  figure,
  levelSvg,
  linePath,
  PLOT,
  px,
  seriesClass,
  type ValueScale,
  valueScale,
  xTick,
  xTitle,
  yTick,
} from './frame.js';

/** A value at a circuit size. */
export interface CurvePoint {
  readonly edges: number;
  readonly value: number;
  readonly standardError?: number;
}
/** A line of a chart. */
export interface Series {
  readonly name: string;
  readonly points: readonly CurvePoint[];
  /** Its colour; series of one thing in several charts have the same. */
  readonly colour: number;
}
/** A chart of values by circuit size. */
export interface Curve {
  readonly title: string;
  readonly unit: string;
  readonly series: readonly Series[];
  /** Values to draw across, with their names. */
  readonly lines: readonly { readonly label: string; readonly value: number }[];
  /** A range of values to tint. */
  readonly band?: readonly [number, number];
  /** Edges of the kept circuit. */
  readonly kept?: number;
  /** All edges: the right end. */
  readonly total: number;
}

/** The chart as an HTML figure; `data-edges` says where the page's script draws its marker. */
export function curveSvg(curve: Curve): string {
  const series = curve.series.map((one) => ({ ...one, points: finitePoints(one.points) }));
  const all = series.flatMap(({ points }) => points);
  const x = edgeScale(
    all.some(({ edges }) => edges === 0),
    curve.total,
  );
  const values = [...all.flatMap((point) => [...bounds(point)]), ...curve.lines.map(({ value }) => value)];
  const y = valueScale(values.filter(Number.isFinite));
  const taken: number[] = [];
  const levels = curve.lines
    .filter(({ value }) => Number.isFinite(value))
    .map((line) => levelSvg(line, y.at(line.value), taken));
  const parts = [
    ...(curve.band ? [tintSvg(curve.band, y)] : []),
    ...y.ticks.map((tick) => yTick(tick, y.at(tick))),
    ...x.ticks.map(({ edges, label }) => xTick(x.at(edges), label)),
    ...levels.map(({ line }) => line),
    ...(curve.kept === undefined ? [] : [keptSvg(curve.kept, x)]),
    ...series.map((one) => seriesSvg(one, x, y, curve)),
    ...levels.map(({ name }) => name),
    xTitle('edges in the circuit'),
    `<g class="at" hidden><line y1="${PLOT.top}" y2="${PLOT.bottom}"/><circle r="4.5"/></g>`,
  ];
  const sizes = Math.max(0, ...series.map(({ points }) => points.length));
  const label = `${curve.title} by number of edges, ${plural(sizes, 'size')}${series.length > 1 ? `, ${series.length} lines` : ''}`;
  return figure({ title: curve.title, unit: curve.unit, label }, parts.join(''), {
    data: ` data-edges="${x.numbers.map(px).join(' ')}"`,
  });
}

const finitePoints = (points: readonly CurvePoint[]): CurvePoint[] =>
  points.filter(({ value }) => Number.isFinite(value)).toSorted((a, b) => a.edges - b.edges);
const errorOf = ({ standardError = 0 }: CurvePoint): number => (Number.isFinite(standardError) ? standardError : 0);
const bounds = (point: CurvePoint): [number, number] => [point.value - errorOf(point), point.value + errorOf(point)];

function seriesSvg({ name, points, colour }: Series, x: EdgeScale, y: ValueScale, curve: Curve): string {
  const alone = curve.series.length === 1;
  const place = (point: CurvePoint, value: number): string => `${px(x.at(point.edges))} ${px(y.at(value))}`;
  const line = linePath(points.map((point) => [x.at(point.edges), y.at(point.value)]));
  const upper = points.map((point) => place(point, bounds(point)[1]));
  const lower = points.map((point) => place(point, bounds(point)[0])).reverse();
  const band = points.some((point) => errorOf(point) > 0)
    ? `<path class="error-band" d="M${[...upper, ...lower].join('L')}Z"/>`
    : '';
  const title = (point: CurvePoint): string =>
    `${alone ? '' : `${name}, `}${edgesText(point.edges)}: ${shortNumber(point.value)}${point.standardError ? ` ± ${shortNumber(point.standardError)}` : ''} ${curve.unit}`;
  const dots = points.map((point) => {
    const kept = point.edges === curve.kept;
    return `<circle class="dot${kept ? ' kept-dot' : ''}" cx="${px(x.at(point.edges))}" cy="${px(y.at(point.value))}" r="${kept ? 4.5 : 2.4}"><title>${escapeHtml(title(point))}</title></circle>`;
  });
  return `<g class="series ${seriesClass(colour)}">${band}<path class="curve" d="${line}"/>${dots.join('')}</g>`;
}

const tintSvg = ([from, to]: readonly [number, number], y: ValueScale): string => {
  const top = Math.max(PLOT.top, y.at(to));
  const bottom = Math.min(PLOT.bottom, y.at(from));
  return `<rect class="tint" x="${PLOT.left}" width="${PLOT.right - PLOT.left}" y="${px(top)}" height="${px(Math.max(0, bottom - top))}"/>`;
};
const keptSvg = (kept: number, x: EdgeScale): string =>
  `<line class="kept" x1="${px(x.at(kept))}" x2="${px(x.at(kept))}" y1="${PLOT.top}" y2="${PLOT.bottom}"><title>kept: ${edgesText(kept)}</title></line>`;
