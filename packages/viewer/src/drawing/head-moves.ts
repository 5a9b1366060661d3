/**
 * @file What heads move between token positions: no edge of the graph leads from one position to another, since a head reads its
 * keys and values at earlier positions and writes at that of its query. A dashed line for each head shows it.
 */
import { type CircuitData, fromNode, toNode } from './circuit-data.js';
import { BOX, type CircuitLayout, type Place, placeKey } from './circuit-layout.js';
import { inputLetter } from './head-inputs.js';

/** Between which positions a head moves information, as far as edges are drawn there. */
export interface HeadMove {
  /** Index into `CircuitData.nodes`. */
  readonly node: number;
  /** Positions at which its key, value or joint input has an edge, each before one of `to`. */
  readonly from: readonly number[];
  /** Positions at which its output or its query has an edge, each after one of `from`. */
  readonly to: readonly number[];
}

/** The moves that these edges leave, by head; none where positions have no edges of their own. */
export function headMoves(data: CircuitData, edges: Iterable<number>): HeadMove[] {
  if (data.positions === null) return [];
  const read = new Map<number, Set<number>>();
  const written = new Map<number, Set<number>>();
  const add = (to: Map<number, Set<number>>, node: number, position: number): void => {
    const positions = to.get(node);
    if (positions) positions.add(position);
    else to.set(node, new Set([position]));
  };
  for (const edge of edges) {
    const position = data.edges.position![edge]!;
    const [from, to] = [fromNode(data, edge), toNode(data, edge)];
    if (data.nodes[from]!.kind === 'head') add(written, from, position);
    if (data.nodes[to]!.kind === 'head') add(inputLetter(data, edge) === 'Q' ? written : read, to, position);
  }
  return [...read].flatMap(([node, positions]) => {
    const outputs = [...(written.get(node) ?? [])];
    const first = Math.min(...positions);
    const last = Math.max(...outputs);
    const from = [...positions].filter((position) => position < last).toSorted((a, b) => a - b);
    const to = outputs.filter((position) => position > first).toSorted((a, b) => a - b);
    return from.length > 0 && to.length > 0 ? [{ node, from, to }] : [];
  });
}

/** Lines of one row lie at so many heights. */
const HEIGHTS = 4;
const ROUND = 4;

/** The moves as SVG paths: up from where a head reads, along, and down with an arrow to where it writes. */
export function movesMarkup(data: CircuitData, layout: CircuitLayout, moves: readonly HeadMove[]): string {
  const inRow = new Map<number, number>();
  return moves
    .map(({ node, from, to }) => {
      const row = data.nodes[node]!.row;
      const before = inRow.get(row) ?? 0;
      inRow.set(row, before + 1);
      const at = (position: number): Place => layout.places.get(placeKey(data, node, position))!;
      const all = [...from, ...to].map(at);
      const top = all[0]!.y - BOX;
      const y = top - 5 - 3 * (before % HEIGHTS);
      // Both beside the middle, where edges leave: to the right where it is read, to the left where it arrives.
      const starts = from.map((position) => at(position).x + 9);
      const ends = to.map((position) => at(position).x - 9);
      const left = Math.min(...starts);
      const right = Math.max(...ends);
      const up = starts.map((x) => `M${t(x)} ${top}V${y + ROUND}Q${t(x)} ${y} ${t(x + ROUND)} ${y}`);
      const down = ends.map((x) => `M${t(x - ROUND)} ${y}Q${t(x)} ${y} ${t(x)} ${y + ROUND}V${top}`);
      const tips = ends.map((x) => `M${t(x)} ${top}l-2.6 -5h5.2z`);
      const line = `M${t(left + ROUND)} ${y}H${t(right - ROUND)}`;
      return `<path class="move" d="${up.join('')}${line}${down.join('')}"/><path class="move-tip" d="${tips.join('')}"/>`;
    })
    .join('');
}
const t = (value: number): number => Math.round(value * 10) / 10;
