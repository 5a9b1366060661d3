/** @file Which nodes of a drawing lead on to the output by drawn edges; what does not, cannot matter to the answer. */
import { type CircuitData, fromNode, toNode } from './circuit-data.js';
import { placeKey } from './circuit-layout.js';
import { inputLetter } from './head-inputs.js';

/**
 * Keys of the places from which the output is reached. With token positions a head that reads at one position by its key or
 * value writes at any later one too.
 */
export function reachesOutput(data: CircuitData, edges: readonly number[]): Set<number> {
  const key = (node: number, edge: number): number => placeKey(data, node, data.edges.position?.[edge] ?? null);
  const end = data.nodes.findIndex(({ kind, row }) => kind === 'end' && row === data.rows.length - 1);
  const reached = new Set<number>();
  // By falling row of what they lead to: what lies above is known by then.
  const falling = edges.toSorted((a, b) => data.nodes[toNode(data, b)]!.row - data.nodes[toNode(data, a)]!.row);
  /** Of each node the positions at which what it writes reaches the output. */
  const writes = new Map<number, Set<number>>();
  for (const edge of falling) {
    const to = toNode(data, edge);
    const position = data.edges.position?.[edge] ?? 0;
    const moves = data.nodes[to]!.kind === 'head' && inputLetter(data, edge) !== 'Q';
    const moved = moves && [...(writes.get(to) ?? [])].some((other) => !data.causal || other > position);
    if (to !== end && !reached.has(key(to, edge)) && !moved) continue;
    reached.add(key(to, edge));
    const from = fromNode(data, edge);
    reached.add(key(from, edge));
    const positions = writes.get(from);
    if (positions) positions.add(position);
    else writes.set(from, new Set([position]));
  }
  return reached;
}
