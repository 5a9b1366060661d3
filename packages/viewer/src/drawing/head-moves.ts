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
  /** Positions at which its key, value or joint input has an edge, each leading to one of `to`. */
  readonly from: readonly number[];
  /** Positions at which its output or its query has an edge, each reached from one of `from`. */
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
  return [...read].flatMap(([node, reads]) => {
    const writes = written.get(node) ?? new Set();
    /** Whether what is read at one position can be written at the other. */
    const leads = (from: number, to: number): boolean => (data.causal ? from < to : from !== to);
    const from = [...reads].filter((position) => [...writes].some((other) => leads(position, other)));
    const to = [...writes].filter((position) => [...reads].some((other) => leads(other, position)));
    const rising = (a: number, b: number): number => a - b;
    return from.length > 0 ? [{ node, from: from.toSorted(rising), to: to.toSorted(rising) }] : [];
  });
}

/** Lines of one row lie at so many heights. */
const HEIGHTS = 4;

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
      const y = top - 5 - 4 * (before % HEIGHTS);
      // Both beside the middle, where edges leave: to the right where it is read, to the left where it arrives.
      const starts = from.map((position) => at(position).x + 9);
      const ends = to.map((position) => at(position).x - 9);
      const ways = [...starts, ...ends].map((x) => `M${t(x)} ${top}V${y}`);
      const line = `M${t(Math.min(...starts, ...ends))} ${y}H${t(Math.max(...starts, ...ends))}`;
      const tips = ends.map((x) => `M${t(x)} ${top}l-2.6 -5h5.2z`);
      return `<path class="move" d="${ways.join('')}${line}"/><path class="move-tip" d="${tips.join('')}"/>`;
    })
    .join('');
}
const t = (value: number): number => Math.round(value * 10) / 10;
