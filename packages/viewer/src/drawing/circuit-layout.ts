/**
 * @file Where the nodes of a drawing stand: the input below, the output above, heads of a layer side by side. With token
 * positions each position has a column of its own, as wide as what it holds.
 */
import { type CircuitData, type DataNode, fromNode, toNode } from './circuit-data.js';

/** A node at its place. */
export interface Place {
  /** Index into `CircuitData.nodes`. */
  readonly node: number;
  readonly position: number | null;
  readonly x: number;
  readonly y: number;
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
  readonly rows: readonly { readonly label: string; readonly y: number }[];
  readonly columns: readonly PositionColumn[];
  /** Width that a node has; below `NAMED` nodes are dots without names. */
  readonly slot: number;
}

/** Nodes that are narrower than this have no name. */
export const NAMED = 33;

const MARGIN = { left: 60, right: 26, top: 26, bottom: 28, tokens: 70 } as const;
const UNUSED_COLUMN = 20;
/** Where all columns together would be wider than this, nodes get narrower. */
const WIDEST = 3400;

/** Identifies a node at a position. */
export const placeKey = (data: CircuitData, node: number, position: number | null): number =>
  (position ?? 0) * data.nodes.length + node;

/**
 * The layout of a drawing.
 * @param active edges to be drawn; with positions only their nodes have places, and columns are as wide as these need
 */
export function circuitLayout(data: CircuitData, active: readonly number[]): CircuitLayout {
  return data.positions === null ? wholeLayout(data) : positionLayout(data, data.positions, active);
}

/** Rows from the top down: heads need more space above them than an MLP, which stands alone. */
function rowPlaces(data: CircuitData, bottom: number): { height: number; ys: number[] } {
  const kinds = data.rows.map((_, row) => data.nodes.find((node) => node.row === row)!.kind);
  const gap = (row: number): number => (kinds[row] === 'mlp' && kinds[row - 1] === 'head' ? 36 : 44);
  const squeeze = data.rows.length > 40 ? 0.8 : 1;
  const rise: number[] = [0];
  for (let row = 1; row < data.rows.length; row++) rise.push(rise[row - 1]! + gap(row) * squeeze);
  const height = Math.round(MARGIN.top + rise.at(-1)! + bottom);
  return { height, ys: rise.map((above) => Math.round(height - bottom - above)) };
}

function wholeLayout(data: CircuitData): CircuitLayout {
  const slot = data.columns > 17 ? 42 : 52;
  const columns = Math.max(data.columns, 4);
  const { height, ys } = rowPlaces(data, MARGIN.bottom);
  // In the middle of the heads: with an even number of them, what passes there passes between two.
  const last = Math.max(0, ...data.nodes.map(({ kind, column }) => (kind === 'head' ? (column ?? 0) : 0)));
  const middle = MARGIN.left + (last * slot) / 2;
  const places = new Map<number, Place>();
  data.nodes.forEach(({ row, column }, node) => {
    const x = column === null ? middle : MARGIN.left + column * slot;
    places.set(node, { node, position: null, x, y: ys[row]! });
  });
  const width = MARGIN.left + (columns - 1) * slot + MARGIN.right;
  return { width, height, places, rows: rowLabels(data, ys), columns: [], slot };
}

function positionLayout(data: CircuitData, labels: readonly string[], active: readonly number[]): CircuitLayout {
  const used = labels.map(() => new Set<number>());
  for (const edge of active) {
    const nodes = used[data.edges.position![edge]!]!;
    nodes.add(fromNode(data, edge));
    nodes.add(toNode(data, edge));
  }
  const cells = used.map((nodes) => byRow(data, nodes));
  const slots = cells.map((rows) => Math.max(0, ...rows.map((row) => row.length)));
  const slot = Math.min(46, Math.max(13, WIDEST / Math.max(1, sum(slots))));
  const { height, ys } = rowPlaces(data, MARGIN.tokens);
  const places = new Map<number, Place>();
  const columns: PositionColumn[] = [];
  let left = MARGIN.left;
  for (const [position, rows] of cells.entries()) {
    const width = slots[position]! === 0 ? UNUSED_COLUMN : Math.max(slots[position]! * slot + 16, 34);
    columns.push({ label: labels[position]!, left, width, used: slots[position]! > 0 });
    for (const [row, nodes] of rows.entries()) {
      nodes.forEach((node, i) => {
        const x = Math.round((left + width / 2 + (i - (nodes.length - 1) / 2) * slot) * 10) / 10;
        places.set(placeKey(data, node, position), { node, position, x, y: ys[row]! });
      });
    }
    left += width;
  }
  return { width: Math.ceil(left + MARGIN.right), height, places, rows: rowLabels(data, ys), columns, slot };
}

/** The nodes of each row, left to right. */
function byRow(data: CircuitData, nodes: ReadonlySet<number>): number[][] {
  const rows: number[][] = data.rows.map(() => []);
  for (const node of nodes) rows[data.nodes[node]!.row]!.push(node);
  const column = (node: number): number => data.nodes[node]!.column ?? -1;
  for (const row of rows) row.sort((a, b) => column(a) - column(b));
  return rows;
}

const rowLabels = (data: CircuitData, ys: readonly number[]) =>
  data.rows.map((label, row) => ({ label, y: ys[row]! })).filter(({ label }) => label !== '');
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Half the width of a node's box. */
export function halfWidth({ name, kind }: DataNode, slot: number): number {
  if (slot < NAMED) return Math.min(5, slot * 0.36);
  if (kind === 'end' || kind === 'stream')
    return Math.min(slot < 52 ? 21 : 60, nodeLabel({ name, kind }).length * 3.6 + 6);
  return Math.min(kind === 'mlp' ? 15 : 18.5, slot / 2 - 1);
}

/** What stands in the node's box: short, since its row is named at the margin. */
export function nodeLabel({ name, kind }: Pick<DataNode, 'name' | 'kind'>): string {
  if (kind === 'latent') return name.replace(/^.* /, '#');
  const short = { head: /^[A-Z]/, mlp: /LP |MLP \d+\./, end: /^Resid /, stream: /^Resid / } as const;
  return name.replace(short[kind], '');
}
