/** @file Edges as SVG paths: one line for each edge; lines of one colour and width share an element, so that thousands stay fast. */
import { type CircuitData, edgeScore, TONES, toneOf } from './circuit-data.js';

const tenth = (value: number): number => Math.round(value * 10) / 10;

/** Widths in steps, thinnest first: areas, not widths, are what the eye compares, hence the root in `widthStep`. */
const STEPS = 14;
const WIDTHS = Array.from({ length: STEPS }, (_, step) => tenth(0.5 + (4.5 * step) / (STEPS - 1)));
/** The width of an edge's line, of a score beside the largest. */
export const lineWidth = (score: number, largest: number): number => WIDTHS[widthStep(score, largest)]!;
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
 * Lines in one path element. One element for each edge costs layout, one for all costs drawing, since every tile of the
 * screen that it touches draws it whole; measured at 5,000 edges, elements of a few neighbours are twice as fast as either.
 */
const CHUNK = 8;

/** Path elements of these edges, the important ones above. `pathOf`: the line of an edge as path text. */
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
