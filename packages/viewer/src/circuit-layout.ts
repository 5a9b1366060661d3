/** @file Where the nodes of a graph stand in the drawing: the input below, the output above, layers between, heads side by side. */
import type { DestinationNode, Graph, SourceNode } from '@auto-circuit/core';

export interface DrawnNode {
  readonly name: string;
  readonly kind: 'end' | 'head' | 'mlp' | 'stream';
  readonly x: number;
  readonly y: number;
}
export interface CircuitLayout {
  readonly nodes: readonly DrawnNode[];
  /** By source index and destination index: the place of the drawn node. */
  readonly ofSource: readonly number[];
  readonly ofDestination: readonly number[];
  /** Names of rows, at the left margin. */
  readonly rows: readonly { readonly label: string; readonly y: number }[];
  readonly width: number;
  readonly height: number;
}

const COLUMN = 52;
const ROW = 46;
const MARGIN = { left: 56, right: 26, top: 30, bottom: 30 } as const;

interface Placed {
  readonly name: string;
  readonly kind: DrawnNode['kind'];
  readonly layer: number;
  /** Column; null: the middle. */
  readonly column: number | null;
}

/** One drawn node for what writes and what reads under one name: the Q, K and V inputs of a head are the head. */
export function circuitLayout(graph: Graph): CircuitLayout {
  const heads = graph.layout.heads;
  const placed = new Map<string, Placed>();
  const place = (node: SourceNode | DestinationNode, name: string): string => {
    if (!placed.has(name)) placed.set(name, placedNode(node, name, heads));
    return name;
  };
  const sourceNames = graph.sources.map((node) => place(node, node.name));
  const destinationNames = graph.destinations.map((node) => place(node, node.name.replace(/\.[QKV]$/, '')));

  const layers = [...new Set([...placed.values()].map(({ layer }) => layer))].sort((a, b) => a - b);
  const rowOf = new Map(layers.map((layer, row) => [layer, row]));
  const columns = Math.max(heads + 1, 4);
  const width = MARGIN.left + (columns - 1) * COLUMN + MARGIN.right;
  const height = MARGIN.top + (layers.length - 1) * ROW + MARGIN.bottom;
  const middle = MARGIN.left + ((columns - 1) * COLUMN) / 2;
  const nodes = [...placed.values()].map(({ name, kind, layer, column }) => ({
    name,
    kind,
    x: column === null ? middle : MARGIN.left + column * COLUMN,
    y: height - MARGIN.bottom - rowOf.get(layer)! * ROW,
  }));
  const indexOf = new Map(nodes.map(({ name }, index) => [name, index]));
  return {
    nodes,
    ofSource: sourceNames.map((name) => indexOf.get(name)!),
    ofDestination: destinationNames.map((name) => indexOf.get(name)!),
    rows: rowLabels(nodes),
    width,
    height,
  };
}

function placedNode({ head, layer, name: own }: SourceNode | DestinationNode, name: string, heads: number): Placed {
  if (head !== null) return { name, kind: 'head', layer, column: head };
  if (name.startsWith('MLP')) return { name, kind: 'mlp', layer, column: heads };
  return { name, kind: /^Resid (Mid|Post)/.test(own) ? 'stream' : 'end', layer, column: null };
}

/** `A5` for a row of heads, `MLP 5` for an MLP that has a row to itself. */
function rowLabels(nodes: readonly DrawnNode[]): { label: string; y: number }[] {
  const labels = new Map<number, string>();
  for (const { name, kind, y } of nodes) {
    if (kind === 'head') labels.set(y, name.replace(/\.[^.]*$/, ''));
    else if (!labels.has(y)) labels.set(y, kind === 'end' ? name.replace('Resid ', '') : name.replace('Resid ', ''));
  }
  return [...labels].map(([y, label]) => ({ label, y }));
}
