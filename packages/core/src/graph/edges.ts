/** @file Canonical edge numbers (by position, then destination, then source) to edges and back, and edges by name. */
import { AutoCircuitError } from '../errors/error.js';
import { destinationNamed, sourceNamed } from './node-names.js';
import type { DestinationNode, Edge, Graph, SourceNode } from './types.js';

/** What an edge joins; its number and name follow from that. */
export type EdgeEnds = Pick<Edge, 'source' | 'destination' | 'position'>;

/** Tables of one position's edges, made once for a graph. */
interface EdgeTables {
  /** Number of the first edge into each destination, and the count of all at the end: [destinations + 1] */
  readonly first: Int32Array;
  /** Destination index of each edge: [edgesPerPosition] */
  readonly destination: Int32Array;
}
const tablesOf = new WeakMap<Graph, EdgeTables>();

function edgeTables(graph: Graph): EdgeTables {
  const known = tablesOf.get(graph);
  if (known) return known;
  const first = new Int32Array(graph.destinations.length + 1);
  const destination = new Int32Array(graph.edgesPerPosition);
  for (const node of graph.destinations) {
    const { start, stop } = graph.destinationBlocks[node.block]!.sources;
    const next = first[node.index]! + stop - start;
    first[node.index + 1] = next;
    destination.fill(node.index, first[node.index], next);
  }
  const tables: EdgeTables = { first, destination };
  tablesOf.set(graph, tables);
  return tables;
}

/** What the edge with this canonical number joins: `edgeAt` without the name. @throws AutoCircuitError when the graph has no such number. */
export function edgeEnds(graph: Graph, number: number): EdgeEnds {
  checkEdgeNumber(graph, number);
  const { first, destination: destinationOf } = edgeTables(graph);
  const place = number % graph.edgesPerPosition;
  const destination = graph.destinations[destinationOf[place]!]!;
  const { start } = graph.destinationBlocks[destination.block]!.sources;
  const source = graph.sources[start + place - first[destination.index]!]!;
  const position = graph.options.positions === null ? null : Math.floor(number / graph.edgesPerPosition);
  return { source, destination, position };
}

/** The edge with this canonical number. @throws AutoCircuitError when the graph has no such number. */
export function edgeAt(graph: Graph, number: number): Edge {
  const { source, destination, position } = edgeEnds(graph, number);
  return Object.freeze({ number, source, destination, position, name: edgeName(source, destination, position) });
}

/** `A9.9->Resid End`, followed by `@3` for position 3. */
export function edgeName(source: SourceNode, destination: DestinationNode, position: number | null): string {
  return `${source.name}->${destination.name}${position === null ? '' : `@${position}`}`;
}

/** Every edge, in canonical order. Large graphs have millions: prefer numbers and score tensors in loops. */
export function allEdges(graph: Graph): Edge[] {
  return Array.from({ length: graph.edgeCount }, (_, number) => edgeAt(graph, number));
}

/** The canonical number of an edge. @throws AutoCircuitError when the source is not upstream, or the position is not the graph's. */
export function edgeNumber(graph: Graph, { source, destination, position }: EdgeEnds): number {
  const { start, stop } = graph.destinationBlocks[destination.block]!.sources;
  if (source.index < start || source.index >= stop) {
    throw new AutoCircuitError({
      code: 'unknown-edge',
      fields: { name: `${source.name}->${destination.name}` },
      where: 'graph',
      what: `there is no edge "${source.name}->${destination.name}"`,
      expected: `a source that ${destination.name} reads (${graph.sources[start]!.name} … ${graph.sources[stop - 1]!.name})`,
      got: source.name,
    });
  }
  checkPosition(graph, position, edgeName(source, destination, position));
  return (position ?? 0) * graph.edgesPerPosition + edgeTables(graph).first[destination.index]! + source.index - start;
}

/**
 * The names in a list with commas between; blank entries name nothing, and commas in brackets belong to a name
 * (`blocks.9.attn.hook_z[:, :, 2]->Resid End`).
 */
export const edgeNamesIn = (list: string): string[] =>
  list
    .split(/,(?![^[\]]*\])/)
    .map((name) => name.trim())
    .filter((name) => name !== '');

/**
 * The numbers of the edges a name means: `A9.9->Resid End` is one edge, or with token positions the edge at every
 * position; `A9.9->Resid End@3` is the one at position 3. Either end may be named as in another tool: `a9.h9->logits`,
 * `L5H5->L9H9.Q`, `blocks.3.hook_mlp_out->blocks.9.hook_q_input[9]` (`peer-names.ts`).
 * @returns canonical numbers, ascending
 * @throws AutoCircuitError `unknown-node` with the nearest names; `unknown-edge` where the source is not upstream or the name has no arrow
 */
export function edgesByName(graph: Graph, name: string): number[] {
  const arrow = name.indexOf('->');
  if (arrow < 0) {
    throw new AutoCircuitError({
      code: 'unknown-edge',
      fields: { name },
      where: 'graph',
      what: `"${name}" is not the name of an edge`,
      expected: '"source->destination", followed by "@position" for one token position',
      got: `"${name}"`,
    });
  }
  const [, to, at] = /^(.*?)(?:@(\d+))?$/s.exec(name.slice(arrow + 2).trim())!;
  const source = sourceNamed(graph, name.slice(0, arrow).trim(), `in "${name}"`);
  const destination = destinationNamed(graph, to!, `in "${name}"`);
  const { positions } = graph.options;
  if (at !== undefined || positions === null) {
    return [edgeNumber(graph, { source, destination, position: at === undefined ? null : Number(at) })];
  }
  return Array.from({ length: positions }, (_, position) => edgeNumber(graph, { source, destination, position }));
}

/** @throws AutoCircuitError unless `number` is the canonical number of one of the graph's edges. */
export function checkEdgeNumber(graph: Graph, number: number): void {
  if (Number.isInteger(number) && number >= 0 && number < graph.edgeCount) return;
  throw new AutoCircuitError({
    code: 'unknown-edge',
    fields: { number },
    where: 'graph',
    what: 'there is no edge with this number',
    expected: `a whole number from 0 to ${graph.edgeCount - 1}`,
    got: `${number}`,
  });
}

function checkPosition(graph: Graph, position: number | null, name: string): void {
  const { positions } = graph.options;
  if (
    positions === null
      ? position === null
      : position !== null && Number.isInteger(position) && position >= 0 && position < positions
  ) {
    return;
  }
  throw new AutoCircuitError({
    code: 'unknown-edge',
    fields: { name, position },
    where: 'graph',
    what: `edge "${name}" has the wrong position for this graph`,
    expected:
      positions === null
        ? 'no position, since edges are shared by all token positions'
        : `a position from 0 to ${positions - 1}`,
    got: position === null ? 'none' : `${position}`,
  });
}
