/**
 * @file The way of an edge around the boxes that it does not belong to.
 *
 * Rows are given by the model, so of a layered layout only the routing is left: in every row between its ends an edge takes the
 * gap nearest to the straight line, and through all gaps it is pulled taut (the funnel algorithm of Lee and Preparata, 1984),
 * with corners rounded by less than the clearance. What is left of the way is as short and as straight as the boxes allow.
 */
import { type CircuitData, fromNode, toNode } from './circuit-data.js';
import { BOX, type CircuitLayout, CLEAR, cellKey, INPUTS, type Place, placeKey } from './circuit-layout.js';
import { inputLetter, inputShift } from './head-inputs.js';

/** Corners of a way, x and y by turns, from above the source to below the destination. */
export type Route = readonly number[];

/** A line of constant height that a way must cross between two x. */
interface Portal {
  readonly y: number;
  readonly low: number;
  readonly high: number;
}

/** Edges through the same gap keep so far apart, as far as it is wide enough. */
const LANE = 2.2;
const LANES = 4;
/** A corner is cut by no more than this: less than the clearance. */
const MOST_CUT = CLEAR - 1;

/** The way of an edge. */
export function edgeRoute(data: CircuitData, layout: CircuitLayout, edge: number): Route {
  const position = data.edges.position?.[edge] ?? null;
  const a = layout.places.get(placeKey(data, fromNode(data, edge), position))!;
  const b = layout.places.get(placeKey(data, toNode(data, edge), position))!;
  const letter = inputLetter(data, edge);
  const end = { x: b.x + inputShift(letter), y: b.y + BOX + (letter === null ? 0 : INPUTS) };
  const start = { x: a.x, y: a.y - BOX };
  const lane = ((data.edges.source[edge]! * 5 + data.edges.destination[edge]! * 3) % LANES) * LANE;
  const portals = portalsBetween(layout, a, b, start, end, lane);
  // Beside the end stand other boxes: its own side of their row is entered from below.
  const below = layout.rows[b.row]!.bottom;
  if (below > end.y) portals.push({ y: below, low: b.x - b.half + 2, high: b.x + b.half - 2 });
  return taut([start.x, start.y], portals, [end.x, end.y]);
}

function portalsBetween(
  layout: CircuitLayout,
  a: Place,
  b: Place,
  start: { readonly x: number; readonly y: number },
  end: { readonly x: number; readonly y: number },
  lane: number,
): Portal[] {
  const portals: Portal[] = [];
  let [x, y] = [start.x, start.y];
  for (let row = a.row + 1; row < b.row; row++) {
    const { top, bottom, y: middle } = layout.rows[row]!;
    const aim = x + ((end.x - x) * (y - middle)) / (y - end.y);
    const [from, to] = nearestGap(layout, row, a.position, aim);
    const spare = Math.min(CLEAR + lane, (to - from) / 2 - 0.2);
    const [low, high] = [from + spare, to - spare];
    portals.push({ y: bottom, low, high }, { y: top, low, high });
    x = Math.min(high, Math.max(low, aim));
    y = middle;
  }
  return portals;
}

/** The gap between two boxes of a row that is nearest to x. */
function nearestGap(layout: CircuitLayout, row: number, position: number | null, x: number): readonly [number, number] {
  const places = layout.cells.get(cellKey(layout.rows.length, row, position)) ?? [];
  const [least, most] = layout.bounds[position ?? 0]!;
  let best: readonly [number, number] = [least, most];
  let distance = Number.POSITIVE_INFINITY;
  for (let i = 0; i <= places.length; i++) {
    const before = places[i - 1];
    const after = places[i];
    const from = before ? before.x + before.half : Math.min(least, (after?.x ?? most) - (after?.half ?? 0) - 2 * CLEAR);
    const to = after ? after.x - after.half : Math.max(most, (before?.x ?? least) + (before?.half ?? 0) + 2 * CLEAR);
    if (to - from < 2 * CLEAR) continue;
    const far = Math.max(from + CLEAR - x, x - to + CLEAR, 0);
    if (far < distance) [best, distance] = [[from, to], far];
  }
  return best;
}

/** The shortest way through all portals, upwards. */
function taut(start: readonly [number, number], portals: readonly Portal[], end: readonly [number, number]): number[] {
  const gates = [...portals, { y: end[1], low: end[0], high: end[0] }];
  const route = [start[0], start[1]];
  let [x, y] = start;
  let at = 0;
  while (at < gates.length) {
    // From the last corner on: the slopes (x for each unit upwards) that pass all gates so far.
    let low = { slope: Number.NEGATIVE_INFINITY, gate: -1 };
    let high = { slope: Number.POSITIVE_INFINITY, gate: -1 };
    let corner: { readonly x: number; readonly gate: number } | null = null;
    for (let gate = at; gate < gates.length; gate++) {
      const rise = y - gates[gate]!.y;
      const least = (gates[gate]!.low - x) / rise;
      const most = (gates[gate]!.high - x) / rise;
      if (least > high.slope) corner = { x: gates[high.gate]!.high, gate: high.gate };
      else if (most < low.slope) corner = { x: gates[low.gate]!.low, gate: low.gate };
      if (corner) break;
      if (least >= low.slope) low = { slope: least, gate };
      if (most <= high.slope) high = { slope: most, gate };
    }
    if (!corner) break;
    [x, y] = [corner.x, gates[corner.gate]!.y];
    route.push(x, y);
    at = corner.gate + 1;
  }
  route.push(end[0], end[1]);
  return route;
}

/** A corner that is rounded: where the line leaves it, and where it comes back. */
interface Rounding {
  readonly from: readonly [number, number];
  readonly corner: readonly [number, number];
  readonly to: readonly [number, number];
}

/** Corners, each cut by a quadratic curve whose middle lies at most `MOST_CUT` from it. */
function roundings(route: Route): Rounding[] {
  const rounded: Rounding[] = [];
  for (let i = 2; i < route.length - 2; i += 2) {
    const [px, py, cx, cy, nx, ny] = route.slice(i - 2, i + 4) as [number, number, number, number, number, number];
    const before = Math.hypot(cx - px, cy - py);
    const after = Math.hypot(nx - cx, ny - cy);
    const [ux, uy] = [(px - cx) / before, (py - cy) / before];
    const [vx, vy] = [(nx - cx) / after, (ny - cy) / after];
    // At distance d on both sides the middle of the curve is d · |u + v| / 4 from the corner.
    const bend = Math.hypot(ux + vx, uy + vy) / 4;
    const d = Math.min(before / 2, after / 2, bend === 0 ? before : MOST_CUT / bend);
    rounded.push({ from: [cx + ux * d, cy + uy * d], corner: [cx, cy], to: [cx + vx * d, cy + vy * d] });
  }
  return rounded;
}

const tenth = (value: number): number => Math.round(value * 10) / 10;

/** A way as the text of an SVG path. */
export function routePath(route: Route): string {
  const at = (x: number, y: number): string => `${tenth(x)} ${tenth(y)}`;
  const corners = roundings(route).map(({ from, corner, to }) => `L${at(...from)}Q${at(...corner)} ${at(...to)}`);
  return `M${at(route[0]!, route[1]!)}${corners.join('')}L${at(route.at(-2)!, route.at(-1)!)}`;
}

/** Points of each rounded corner. */
const CORNER_POINTS = 5;
/** Points along a way as it is drawn, x and y by turns: between them it is straight, or nearly so. */
export function routePoints(route: Route): number[] {
  const points = [route[0]!, route[1]!];
  for (const { from, corner, to } of roundings(route)) {
    for (let k = 0; k < CORNER_POINTS; k++) {
      const t = k / (CORNER_POINTS - 1);
      const [a, b, c] = [(1 - t) ** 2, 2 * (1 - t) * t, t ** 2];
      points.push(a * from[0] + b * corner[0] + c * to[0], a * from[1] + b * corner[1] + c * to[1]);
    }
  }
  points.push(route.at(-2)!, route.at(-1)!);
  return points;
}
