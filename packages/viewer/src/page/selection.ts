/** @file Which of the shown edges stand out: those of a node, or those that a search finds. */
import { ownName, readPeerName } from '@auto-circuit/core/plugin';
import { type CircuitData, edgeName, fromNode, toNode } from '../drawing/circuit-data.js';

export interface Selection {
  /** Index of a node. */
  readonly node: number | null;
  readonly query: string;
}

/** The edges that stand out; null where nothing is selected and all look the same. */
export function selectedEdges(
  data: CircuitData,
  shown: readonly number[],
  { node, query }: Selection,
): number[] | null {
  if (node === null && query.trim() === '') return null;
  const matches = matcherOf(data, query);
  return shown.filter((edge) => {
    if (node !== null && fromNode(data, edge) !== node && toNode(data, edge) !== node) return false;
    return matches(edge);
  });
}

/**
 * Whether an edge is one that the query means. The whole name of a node finds that node only (`A1.1`, not `A1.11`), and so
 * does its name in another tool (`L1H1`, `a1.h1`, `blocks.1.hook_q_input[1]`), alone or on either side of an arrow; else any
 * part of the edge's own name does.
 */
function matcherOf(data: CircuitData, query: string): (edge: number) => boolean {
  const wanted = normal(query);
  const nodeNames = (edge: number): string[] =>
    [data.nodes[fromNode(data, edge)]!.name, data.nodes[toNode(data, edge)]!.name].map(normal);
  if (namesOf(data).has(wanted)) return (edge) => nodeNames(edge).includes(wanted);
  const [from = '', to, more] = query.split(ARROW).map((end) => normal(ourName(data, end.trim())));
  const destinationName = (edge: number): string => normal(data.destinations[data.edges.destination[edge]!]![0]);
  if (to === undefined) {
    // an input of a head is a destination, but no node of the drawing
    if (from !== wanted) return (edge) => nodeNames(edge).includes(from) || destinationName(edge) === from;
  } else if (more === undefined && `${from}->${to}` !== wanted) {
    const [name = '', position] = to.split('@');
    return (edge) => {
      const [source, destination] = nodeNames(edge);
      if (position !== undefined && data.edges.position?.[edge] !== Number(position)) return false;
      // an end that is not written yet is any
      return (
        (from === '' || source === from) && (name === '' || destination === name || destinationName(edge) === name)
      );
    };
  }
  return (edge) => normal(edgeName(data, edge)).includes(wanted);
}

/** Our name for a node that another tool's name means, with the position behind it; the text itself where it is no such name. */
function ourName(data: CircuitData, text: string): string {
  const [, name = '', position = ''] = /^(.*?)(@\d+)?$/s.exec(text)!;
  const read = readPeerName(name);
  return read === null ? text : ownName(read.node, layersOf(data)) + position;
}

/** Layers of the model, by the names of what writes in them. */
function layersOf({ sources }: CircuitData): number {
  return sources.reduce((layers, [name]) => {
    const node = readPeerName(name)?.node;
    return node && 'layer' in node ? Math.max(layers, node.layer + 1) : layers;
  }, 0);
}

const ARROW = /->|→|➔/;

/** Case, spaces and the kind of arrow do not matter. */
const normal = (text: string): string => text.toLowerCase().replaceAll(/[→➔]/g, '->').replaceAll(/\s+/g, '');

const known = new WeakMap<CircuitData, ReadonlySet<string>>();
function namesOf(data: CircuitData): ReadonlySet<string> {
  const names = known.get(data) ?? new Set(data.nodes.map(({ name }) => normal(name)));
  known.set(data, names);
  return names;
}
