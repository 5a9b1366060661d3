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
  /** Of each head the last position at which what it writes reaches the output. */
  const last = new Map<number, number>();
  for (const edge of falling) {
    const to = toNode(data, edge);
    const position = data.edges.position?.[edge] ?? 0;
    const moved = data.nodes[to]!.kind === 'head' && inputLetter(data, edge) !== 'Q' && (last.get(to) ?? -1) > position;
    if (to !== end && !reached.has(key(to, edge)) && !moved) continue;
    reached.add(key(to, edge));
    const from = fromNode(data, edge);
    reached.add(key(from, edge));
    last.set(from, Math.max(last.get(from) ?? -1, position));
  }
  return reached;
}
