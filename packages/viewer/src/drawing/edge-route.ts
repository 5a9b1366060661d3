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
function nearestGap(layout: CircuitLayout, row: number, position: number | null, x: number): Gap {
  let best: Gap | null = null;
  let distance = Number.POSITIVE_INFINITY;
  for (const gap of gapsOf(layout, row, position)) {
    const far = Math.max(gap[0] + CLEAR - x, x - gap[1] + CLEAR, 0);
    if (far < distance) [best, distance] = [gap, far];
    else if (best) break; // gaps come from left to right: the next ones are further away
  }
  return best!;
}

/** From one x to another. */
type Gap = readonly [number, number];
const known = new WeakMap<CircuitLayout, Map<number, readonly Gap[]>>();

/** The gaps of a row that an edge fits through, left to right; there is always room beside the outermost boxes. */
function gapsOf(layout: CircuitLayout, row: number, position: number | null): readonly Gap[] {
  const gaps = known.get(layout) ?? new Map<number, readonly Gap[]>();
  known.set(layout, gaps);
  const key = cellKey(layout.rows.length, row, position);
  const found = gaps.get(key);
  if (found) return found;
  const places = layout.cells.get(key) ?? [];
  const [least, most] = layout.bounds[position ?? 0]!;
  const first = places[0];
  const last = places.at(-1);
  const edges = [
    first ? Math.min(least, first.x - first.half - 2 * CLEAR) : least,
    ...places.flatMap(({ x, half }) => [x - half, x + half]),
    last ? Math.max(most, last.x + last.half + 2 * CLEAR) : most,
  ];
  const made: Gap[] = [];
  for (let i = 0; i < edges.length; i += 2) {
    const [from, to] = [edges[i]!, edges[i + 1]!];
    if (to - from >= 2 * CLEAR) made.push([from, to]);
  }
  gaps.set(key, made);
  return made;
}

/** The shortest way through all portals, upwards. */
function taut(start: readonly [number, number], portals: readonly Portal[], end: readonly [number, number]): number[] {
  const gates = [...portals, { y: end[1], low: end[0], high: end[0] }];
  const route = [start[0], start[1]];
  let [x, y] = start;
  let at = 0;
  while (at < gates.length) {
    // From the last corner on: the slopes (x for each unit upwards) that pass all gates so far.
    let least = Number.NEGATIVE_INFINITY;
    let most = Number.POSITIVE_INFINITY;
    let [leastGate, mostGate, corner] = [-1, -1, -1];
    let cornerX = 0;
    for (let gate = at; gate < gates.length && corner < 0; gate++) {
      const { y: height, low, high } = gates[gate]!;
      const [left, right] = [(low - x) / (y - height), (high - x) / (y - height)];
      if (left > most) [corner, cornerX] = [mostGate, gates[mostGate]!.high];
      else if (right < least) [corner, cornerX] = [leastGate, gates[leastGate]!.low];
      if (left >= least) [least, leastGate] = [left, gate];
      if (right <= most) [most, mostGate] = [right, gate];
    }
    if (corner < 0) break;
    [x, y] = [cornerX, gates[corner]!.y];
    route.push(x, y);
    at = corner + 1;
  }
  route.push(end[0], end[1]);
  return route;
}

/**
 * Calls `draw` for each corner, cut by a quadratic curve whose middle lies at most `MOST_CUT` from it: where the line leaves the
 * way, the corner, and where the line comes back.
 */
function forCorners(
  route: Route,
  draw: (fromX: number, fromY: number, x: number, y: number, toX: number, toY: number) => void,
): void {
  for (let i = 2; i < route.length - 2; i += 2) {
    const x = route[i]!;
    const y = route[i + 1]!;
    const before = Math.hypot(x - route[i - 2]!, y - route[i - 1]!);
    const after = Math.hypot(route[i + 2]! - x, route[i + 3]! - y);
    const ux = (route[i - 2]! - x) / before;
    const uy = (route[i - 1]! - y) / before;
    const vx = (route[i + 2]! - x) / after;
    const vy = (route[i + 3]! - y) / after;
    // At distance d on both sides the middle of the curve is d · |u + v| / 4 from the corner.
    const bend = Math.hypot(ux + vx, uy + vy) / 4;
    const d = Math.min(before / 2, after / 2, bend === 0 ? before : MOST_CUT / bend);
    draw(x + ux * d, y + uy * d, x, y, x + vx * d, y + vy * d);
  }
}

const t = (value: number): number => Math.round(value * 10) / 10;

/** A way as the text of an SVG path. */
export function routePath(route: Route): string {
  let path = `M${t(route[0]!)} ${t(route[1]!)}`;
  forCorners(route, (fromX, fromY, x, y, toX, toY) => {
    path += `L${t(fromX)} ${t(fromY)}Q${t(x)} ${t(y)} ${t(toX)} ${t(toY)}`;
  });
  return `${path}L${t(route.at(-2)!)} ${t(route.at(-1)!)}`;
}

/** Points of each rounded corner. */
const CORNER_POINTS = 5;
/** Points along a way as it is drawn, x and y by turns: between them it is straight, or nearly so. */
export function routePoints(route: Route): number[] {
  const points = [route[0]!, route[1]!];
  forCorners(route, (fromX, fromY, x, y, toX, toY) => {
    for (let k = 0; k < CORNER_POINTS; k++) {
      const s = k / (CORNER_POINTS - 1);
      const [a, b, c] = [(1 - s) ** 2, 2 * (1 - s) * s, s ** 2];
      points.push(a * fromX + b * x + c * toX, a * fromY + b * y + c * toY);
    }
  });
  points.push(route.at(-2)!, route.at(-1)!);
  return points;
}
