/** @file ROC curves as SVG: how well scores find the edges of a known circuit. */
import { escapeHtml, shortNumber } from '../markup/text.js';
import { figure, linePath, PLOT, px, seriesClass, xTick, xTitle, yTick } from './frame.js';

/** A point of the curve: what share of the other edges, and of the circuit's, is found by then. */
export interface RocPoint {
  readonly falsePositiveRate: number;
  readonly truePositiveRate: number;
}
/** A line of the chart. */
export interface RocSeries {
  readonly name: string;
  readonly points: readonly RocPoint[];
  readonly area: number;
  readonly colour: number;
}

/** More points than this cannot be told apart. */
const MOST_POINTS = 250;
const SHARES = [0, 0.25, 0.5, 0.75, 1] as const;

/** The chart as an HTML figure. @param known the name of the known circuit */
export function rocSvg(known: string, series: readonly RocSeries[]): string {
  const x = (rate: number): number => PLOT.left + 8 + rate * (PLOT.right - PLOT.left - 16);
  const y = (rate: number): number => PLOT.bottom - rate * (PLOT.bottom - PLOT.top);
  const parts = [
    ...SHARES.map((share) => yTick(share, y(share))),
    ...SHARES.map((share) => xTick(x(share), `${share}`)),
    `<line class="level" x1="${px(x(0))}" y1="${px(y(0))}" x2="${px(x(1))}" y2="${px(y(1))}"><title>chance</title></line>`,
    ...series.map(({ name, points, area, colour }) => {
      const path = linePath(thinned(points).map((p) => [x(p.falsePositiveRate), y(p.truePositiveRate)]));
      return `<g class="series ${seriesClass(colour)}"><path class="curve" d="${path}"><title>${escapeHtml(name)}: area ${shortNumber(area)}</title></path></g>`;
    }),
    xTitle('share of all other edges included'),
  ];
  const label = `ROC against ${known}: ${series.map(({ name, area }) => `${name} has area ${shortNumber(area)}`).join(', ')}`;
  return figure(
    { title: `ROC against the known circuit “${known}”`, unit: 'share of its edges found', label },
    parts.join(''),
  );
}

/** Points that lie close together go; corners stay as far as they can be seen. */
function thinned(points: readonly RocPoint[]): RocPoint[] {
  if (points.length <= MOST_POINTS) return [...points];
  const drawn: RocPoint[] = [];
  for (const [i, point] of points.entries()) {
    const last = drawn.at(-1);
    const far =
      !last ||
      point.falsePositiveRate - last.falsePositiveRate > 1 / MOST_POINTS ||
      point.truePositiveRate - last.truePositiveRate > 1 / MOST_POINTS;
    if (far || i === points.length - 1) drawn.push(point);
  }
  return drawn;
}
