/** @file Edges as SVG paths: one curve for each edge; curves of one colour and width share an element, so that thousands stay fast. */
import { type CircuitData, edgeScore, fromNode, TONES, toNode, toneOf } from './circuit-data.js';
import { type CircuitLayout, halfWidth, NAMED, type Place, placeKey } from './circuit-layout.js';

/** The ends of a cubic curve and its two control points: x0 y0 x1 y1 x2 y2 x3 y3. */
export type CurvePoints = readonly [number, number, number, number, number, number, number, number];

const tenth = (value: number): number => Math.round(value * 10) / 10;
/** Where the inputs of a head are entered, as a share of half its width. */
const INPUT_PLACE: Readonly<Record<string, number>> = { Q: -0.55, K: 0, V: 0.55 };

/** From above the source to below the destination; edges along one column bow aside, so that nodes between stay clear. */
export function edgeCurve(data: CircuitData, layout: CircuitLayout, edge: number): CurvePoints {
  const position = data.edges.position?.[edge] ?? null;
  const a = placeOf(data, layout, fromNode(data, edge), position);
  const b = placeOf(data, layout, toNode(data, edge), position);
  const [name] = data.destinations[data.edges.destination[edge]!]!;
  const shift = (INPUT_PLACE[/\.([QKV])$/.exec(name)?.[1] ?? 'K'] ?? 0) * halfWidth(data.nodes[b.node]!, layout.slot);
  const rise = a.y - b.y;
  const aside = Math.min(34, layout.slot * 0.7, rise / 6);
  // Bows alternate in side, so that many along one column do not all lie on one another.
  const side = (data.nodes[a.node]!.row + data.nodes[b.node]!.row) % 2 === 0 || layout.columns.length === 0 ? 1 : -1;
  const bow = Math.abs(a.x - b.x) < 1 && rise > 60 ? side * aside : 0;
  const gap = layout.slot >= NAMED ? 9 : halfWidth(data.nodes[b.node]!, layout.slot);
  const [y0, y3] = [a.y - gap, b.y + gap];
  return [a.x, y0, a.x + bow, y0 - rise * 0.45, b.x + shift + bow, y3 + rise * 0.45, b.x + shift, y3];
}

function placeOf(data: CircuitData, layout: CircuitLayout, node: number, position: number | null): Place {
  return layout.places.get(placeKey(data, node, position))!;
}

/** A curve as the text of an SVG path. */
export function curvePath([x0, y0, x1, y1, x2, y2, x3, y3]: CurvePoints): string {
  const t = tenth;
  return `M${t(x0)} ${t(y0)}C${t(x1)} ${t(y1)} ${t(x2)} ${t(y2)} ${t(x3)} ${t(y3)}`;
}

/** Widths in steps, thinnest first: areas, not widths, are what the eye compares, hence the root in `widthStep`. */
const STEPS = 14;
const WIDTHS = Array.from({ length: STEPS }, (_, step) => tenth(0.5 + (4.5 * step) / (STEPS - 1)));
function widthStep(score: number, largest: number): number {
  const share = Number.isFinite(score) ? Math.sqrt(Math.abs(score) / (largest || 1)) : 1;
  return Math.round(Math.min(1, share) * (STEPS - 1));
}

/** The largest finite |score| of the data, to which widths relate. */
export const largestScore = (data: CircuitData): number =>
  data.edges.score.reduce<number>(
    (most, score) => (typeof score === 'number' ? Math.max(most, Math.abs(score)) : most),
    0,
  );

/**
 * Curves in one path element. One element for each edge costs layout, one for all costs drawing, since every tile of the
 * screen that it touches draws it whole; measured at 5,000 edges, elements of a few neighbours are twice as fast as either.
 */
const CHUNK = 8;

/** Path elements of these edges, the important ones above. `pathOf`: the curve of an edge as path text. */
export function edgesMarkup(data: CircuitData, edges: Iterable<number>, pathOf: (edge: number) => string): string {
  const largest = largestScore(data);
  const groups = new Map<number, number[]>();
  for (const edge of edges) {
    const score = edgeScore(data, edge);
    const key = widthStep(score, largest) * TONES.length + TONES.indexOf(toneOf(score, data.signed));
    const group = groups.get(key);
    if (group) group.push(edge);
    else groups.set(key, [edge]);
  }
  let markup = '';
  for (const key of [...groups.keys()].sort((a, b) => a - b)) {
    const group = neighboursTogether(data, groups.get(key)!);
    const width = WIDTHS[Math.floor(key / TONES.length)]!;
    for (let start = 0; start < group.length; start += CHUNK) {
      const d = group
        .slice(start, start + CHUNK)
        .map(pathOf)
        .join('');
      markup += `<path class="edge ${TONES[key % TONES.length]}" stroke-width="${width}" d="${d}"/>`;
    }
  }
  return markup;
}

function neighboursTogether(data: CircuitData, edges: readonly number[]): number[] {
  if (edges.length <= CHUNK) return [...edges];
  const { source, destination, position } = data.edges;
  const place = (edge: number): number =>
    ((position?.[edge] ?? 0) * data.sources.length + source[edge]!) * data.destinations.length + destination[edge]!;
  return edges.toSorted((a, b) => place(a) - place(b));
}

/** How strongly lines are drawn: many weak ones would hide the rest. */
export function edgeOpacity(shown: number): number {
  const decades = Math.log10(Math.max(shown, 1));
  return tenth(10 * Math.min(0.8, Math.max(0.28, 0.98 - 0.18 * decades))) / 10;
}
