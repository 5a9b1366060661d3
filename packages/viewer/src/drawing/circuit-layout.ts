/**
 * @file Where the nodes of a drawing stand: the input below, the output above, heads of a layer side by side, MLPs right of
 * them. With token positions each position has a column of its own, as wide as what it holds.
 */
import { type CircuitData, type DataNode, fromNode, toNode } from './circuit-data.js';
import { type Input, type InputLetter, inputLetter, inputsOf } from './head-inputs.js';

/** A node at its place. */
export interface Place {
  /** Index into `CircuitData.nodes`. */
  readonly node: number;
  readonly position: number | null;
  readonly x: number;
  readonly y: number;
  /** Half the width of what is drawn: a box, or the dot of a node without edges. */
  readonly half: number;
  /** Whether any drawn edge leads from or to it. */
  readonly on: boolean;
  /** Inputs of a head that a drawn edge enters, left to right; empty where a node has one input only. */
  readonly inputs: readonly Input[];
  /** Index into `CircuitLayout.rows`. */
  readonly row: number;
}
/** A row of nodes. */
export interface Row {
  readonly label: string;
  readonly y: number;
  /** No edge passes a row of boxes but through the gaps between them, from `top` to `bottom`. */
  readonly top: number;
  readonly bottom: number;
  /** Rows below this one that are not drawn, since none of their nodes has an edge. */
  readonly folded: number;
}
/** The column of a token position. */
export interface PositionColumn {
  readonly label: string;
  readonly left: number;
  readonly width: number;
  /** Whether any drawn edge is at this position. */
  readonly used: boolean;
}
/** Where everything stands, in units of the SVG. */
export interface CircuitLayout {
  readonly width: number;
  readonly height: number;
  /** By key, see `placeKey`. */
  readonly places: ReadonlyMap<number, Place>;
  /** From the input up. */
  readonly rows: readonly Row[];
  readonly columns: readonly PositionColumn[];
  /** The places of each row and position, left to right; see `cellKey`. */
  readonly cells: ReadonlyMap<number, readonly Place[]>;
  /** The smallest and the largest x that edges of a position may have. */
  readonly bounds: readonly (readonly [number, number])[];
}

/** Half the height of a box. */
export const BOX = 9;
/** The height of the letters below a head: Q, K, V. */
export const INPUTS = 9;
/** How near an edge may come to a box that it does not belong to. */
export const CLEAR = 4;

const MARGIN = { left: 66, right: 26, top: 24, bottom: 26, tokens: 74 } as const;
const SLOT = 56;
const DOT = 3;
const UNUSED_COLUMN = 20;
/** Models with more heads in a layer than this show only those with edges, close together. */
const MOST_IN_GRID = 14;
/** Of more rows than this, and where nodes without edges have no place, rows without edges are left out. */
const MOST_ROWS = 14;

/** Identifies a node at a position. */
export const placeKey = (data: CircuitData, node: number, position: number | null): number =>
  (position ?? 0) * data.nodes.length + node;
/** Identifies a row at a position. */
export const cellKey = (rows: number, row: number, position: number | null): number => (position ?? 0) * rows + row;

/**
 * The layout of a drawing.
 * @param active edges to be drawn: what has none is a dot, or has no place at all in large models and at token positions
 */
export function circuitLayout(data: CircuitData, active: readonly number[]): CircuitLayout {
  const used = usedNodes(data, active);
  const grid = data.positions === null && data.columns <= MOST_IN_GRID;
  const all = [...Array(data.nodes.length).keys()];
  const standing = used.map((nodes) => (grid ? all : [...nodes.keys()]));
  const shown = shownRows(data, used, grid);
  const cells = standing.map((nodes) => nodesByRow(data, nodes, shown));
  const spread = cells.map((rows, at) => widthOf(data, rows, grid, used[at]!.size > 0));
  const total = spread.reduce((sum, { width }) => sum + width, 0);
  const ys = rowPlaces(data, shown, used, total);
  const places = new Map<number, Place>();
  const byCell = new Map<number, Place[]>();
  const columns: PositionColumn[] = [];
  const bounds: [number, number][] = [];
  let left: number = MARGIN.left - (data.positions === null ? SLOT / 2 : 0);
  for (const [at, rows] of cells.entries()) {
    const position = data.positions === null ? null : at;
    const { width, slots } = spread[at]!;
    if (position !== null) columns.push({ label: data.positions![position]!, left, width, used: used[at]!.size > 0 });
    bounds.push([left + 2, left + width - 2]);
    const first = left + (width - (slots.heads + slots.after) * SLOT) / 2 + SLOT / 2;
    for (const [row, nodes] of rows.entries()) {
      const here: Place[] = [];
      const heads = nodes.filter((node) => isHead(data.nodes[node]!));
      for (const node of nodes) {
        const own = data.nodes[node]!;
        const on = used[at]!.has(node);
        const x =
          first +
          SLOT * slotOf(own, grid, slots.heads, heads.length, isHead(own) ? heads.indexOf(node) : nodes.indexOf(node));
        const inputs = inputsOf(used[at]!.get(node) ?? NONE);
        const place = { node, position, x, y: ys.rows[row]!.y, half: on ? halfWidth(own) : DOT, on, inputs, row };
        places.set(placeKey(data, node, position), place);
        here.push(place);
      }
      byCell.set(
        cellKey(rows.length, row, position),
        here.toSorted((a, b) => a.x - b.x),
      );
    }
    left += width;
  }
  const width = Math.ceil(left + (data.positions === null ? 8 : MARGIN.right));
  return { width, height: ys.height, places, rows: ys.rows, columns, cells: byCell, bounds };
}

const NONE: ReadonlySet<InputLetter | null> = new Set();

/** For each position (or for the whole): which nodes have edges, and by which inputs they are entered. */
function usedNodes(data: CircuitData, active: readonly number[]) {
  const used = Array.from({ length: data.positions?.length ?? 1 }, () => new Map<number, Set<InputLetter | null>>());
  for (const edge of active) {
    const nodes = used[data.edges.position?.[edge] ?? 0]!;
    const [from, to] = [fromNode(data, edge), toNode(data, edge)];
    if (!nodes.has(from)) nodes.set(from, new Set());
    if (!nodes.has(to)) nodes.set(to, new Set());
    nodes.get(to)!.add(inputLetter(data, edge));
  }
  return used;
}

/** Rows of the data that are drawn: all of a small model, else those with edges and the two ends. */
function shownRows(data: CircuitData, used: readonly ReadonlyMap<number, unknown>[], grid: boolean): number[] {
  const all = [...data.rows.keys()];
  if (grid && all.length <= MOST_ROWS) return all;
  const needed = new Set(used.flatMap((nodes) => [...nodes.keys()].map((node) => data.nodes[node]!.row)));
  return all.filter((row) => needed.has(row) || row === 0 || row === all.length - 1);
}

/** The nodes of each drawn row, left to right. */
function nodesByRow(data: CircuitData, nodes: readonly number[], shown: readonly number[]): number[][] {
  const rows: number[][] = shown.map(() => []);
  const at = new Map(shown.map((row, i) => [row, i]));
  for (const node of nodes) {
    const row = at.get(data.nodes[node]!.row);
    if (row !== undefined) rows[row]!.push(node);
  }
  const column = (node: number): number => data.nodes[node]!.column ?? -1;
  for (const row of rows) row.sort((a, b) => column(a) - column(b));
  return rows;
}

const isHead = ({ kind }: DataNode): boolean => kind === 'head';

/** How many nodes stand side by side: heads, and after them MLPs with what belongs to them. */
function widthOf(data: CircuitData, rows: readonly (readonly number[])[], grid: boolean, used: boolean) {
  if (!used && !grid) return { width: UNUSED_COLUMN, slots: { heads: 0, after: 0 } };
  const columns = rows.map((row) => row.map((node) => data.nodes[node]!));
  if (grid) {
    const heads = 1 + Math.max(-1, ...columns.flat().map((node) => (isHead(node) ? (node.column ?? 0) : -1)));
    return { width: Math.max(data.columns, 4) * SLOT, slots: { heads, after: Math.max(data.columns, 4) - heads } };
  }
  const heads = Math.max(1, ...columns.map((row) => row.filter((node) => isHead(node) || node.column === null).length));
  const after = Math.max(
    0,
    ...columns.map((row) => row.filter((node) => !isHead(node) && node.column !== null).length),
  );
  return { width: (heads + after) * SLOT + 8, slots: { heads, after } };
}

/** In slots from the left. Ends stand in the middle of the heads: with an even number of them, between two. */
function slotOf({ kind, column }: DataNode, grid: boolean, heads: number, beside: number, index: number): number {
  if (column === null) return Math.max(0, heads - 1) / 2;
  if (grid) return column;
  return kind === 'head' ? (heads - beside) / 2 + index : heads + index;
}

/** Rows from the bottom up. The wider a drawing, the more space it has between rows, so that edges are not too flat. */
function rowPlaces(
  data: CircuitData,
  shown: readonly number[],
  used: readonly ReadonlyMap<number, ReadonlySet<InputLetter | null>>[],
  width: number,
) {
  const between = Math.min(44, Math.max(24, width / 26));
  const entered = new Set<number>();
  const heads = new Set<number>();
  for (const nodes of used) {
    for (const [node, letters] of nodes) {
      const { row, kind } = data.nodes[node]!;
      if ([...letters].some((letter) => letter !== null)) entered.add(row);
      if (kind === 'head') heads.add(row);
    }
  }
  // What heads move between positions runs above their row.
  const moves = (row: number): number => (data.positions !== null && heads.has(row) ? 18 : 0);
  const depth = (row: number): number => BOX + (entered.has(row) ? INPUTS : 0);
  const rises = [0];
  for (let i = 1; i < shown.length; i++)
    rises.push(rises[i - 1]! + BOX + moves(shown[i - 1]!) + between + depth(shown[i]!));
  const bottom = data.positions === null ? MARGIN.bottom : MARGIN.tokens;
  const height = Math.round(MARGIN.top + rises.at(-1)! + bottom);
  const rows = shown.map((row, i): Row => {
    const y = Math.round(height - bottom - rises[i]!);
    const folded = i === 0 ? 0 : row - shown[i - 1]! - 1;
    return { label: data.rows[row]!, y, top: y - BOX - CLEAR, bottom: y + depth(row) + CLEAR, folded };
  });
  return { height, rows };
}

/** Whether edges take the same ways in both layouts. */
export function samePlaces(a: CircuitLayout, b: CircuitLayout): boolean {
  if (a.width !== b.width || a.height !== b.height || a.places.size !== b.places.size) return false;
  return [...a.places].every(([key, { x, y, half }]) => {
    const other = b.places.get(key);
    return other !== undefined && other.x === x && other.y === y && other.half === half;
  });
}

/** Half the width of a node's box. */
export function halfWidth({ name, kind }: DataNode): number {
  const letters = nodeLabel({ name, kind }).length;
  if (kind === 'end' || kind === 'stream') return Math.min(24, letters * 3.6 + 6);
  if (kind === 'mlp') return letters > 5 ? 24 : 21;
  return letters > 5 ? 22 : 19;
}

/** What stands in the node's box: its name, without what its row or its kind says. */
export function nodeLabel({ name, kind }: Pick<DataNode, 'name' | 'kind'>): string {
  if (kind === 'latent') return name.replace(/^.* /, '#');
  if (kind === 'mlp') return name.replace(/^MLP \d+\./, ''); // an expert: its row names the layer
  return kind === 'end' || kind === 'stream' ? name.replace(/^Resid /, '') : name;
}
