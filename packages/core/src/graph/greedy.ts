/** @file Greedy growth from the output: a circuit in which every edge leads to `Resid End`, edge by edge. */
import type { RankBy } from './edge-ranking-names.js';
import { attentionOf, innerLinks } from './inner-links.js';
import { importances } from './scores.js';
import type { Graph, PruneScores } from './types.js';

/**
 * All edges in the order in which a circuit grows from the output: at first the edges into `Resid End`, then always the one with
 * the largest |score| whose destination leads into the circuit already (EAP-IG's greedy search; Hanna, Pezzelle and Belinkov
 * 2024, arXiv 2403.17806). The first n of them are the greedy circuit of n edges, for every n; equal ones come in canonical order.
 *
 * With token positions a node is one for each position, and information moves between them as `connectedPart` says.
 */
export function greedyOrder(graph: Graph, scores: PruneScores, by: RankBy = 'absolute'): Uint32Array {
  const importance = importances(graph, scores, by); // canonical
  const firstEdges = firstEdgeOf(graph);
  const feeders = feedersOf(graph);
  const positions = graph.options.positions ?? 1;
  const full = attentionOf(graph) === 'full';
  const order = new Uint32Array(graph.edgeCount);
  const candidates = new EdgeHeap(importance);
  const offered = new Uint8Array(graph.destinations.length * positions); // destination, at a position, leads into the circuit
  const offer = (destination: number, position: number): void => {
    const flag = destination * positions + position;
    if (offered[flag]) return;
    offered[flag] = 1;
    const shift = position * graph.edgesPerPosition;
    for (let n = firstEdges[destination]!; n < firstEdges[destination + 1]!; n++) candidates.push(shift + n);
  };
  const inside = new Uint8Array(graph.sources.length * positions);
  const sourceAt = sourceOfEdge(graph, firstEdges);
  for (let p = 0; p < positions; p++) offer(graph.destinations.length - 1, p);
  let count = 0;
  while (candidates.size > 0) {
    const edge = candidates.pop();
    order[count++] = edge;
    const source = sourceAt[edge % graph.edgesPerPosition]!;
    const position = Math.floor(edge / graph.edgesPerPosition);
    const flag = source * positions + position;
    if (inside[flag]) continue;
    inside[flag] = 1;
    for (const { destination, moves } of feeders[source]!) {
      const [from, to] = !moves ? [position, position] : full ? [0, positions - 1] : [0, position];
      for (let p = from; p <= to; p++) offer(destination, p);
    }
  }
  return order.subarray(0, count);
}

/** Canonical number of each destination's first edge at position 0, and one more entry: [destinations + 1]. */
function firstEdgeOf(graph: Graph): Uint32Array {
  const first = new Uint32Array(graph.destinations.length + 1);
  for (const { index, block } of graph.destinations) {
    const { start, stop } = graph.destinationBlocks[block]!.sources;
    first[index + 1] = first[index]! + stop - start;
  }
  return first;
}

/** Source of each edge of one position: [edgesPerPosition]. */
function sourceOfEdge(graph: Graph, firstEdges: Uint32Array): Uint32Array {
  const sources = new Uint32Array(graph.edgesPerPosition);
  for (const { index, block } of graph.destinations) {
    const { start } = graph.destinationBlocks[block]!.sources;
    for (let n = firstEdges[index]!; n < firstEdges[index + 1]!; n++) sources[n] = start + n - firstEdges[index]!;
  }
  return sources;
}

/** By source: the destinations that its output depends on directly. */
function feedersOf(graph: Graph): { readonly destination: number; readonly moves: boolean }[][] {
  const feeders: { destination: number; moves: boolean }[][] = graph.sources.map(() => []);
  innerLinks(graph).forEach((links, destination) => {
    for (const { source, moves } of links) feeders[source.index]!.push({ destination, moves });
  });
  return feeders;
}

/** Edges by falling importance, equal ones by number: a binary heap. */
class EdgeHeap {
  readonly #importance: Float64Array;
  readonly #edges: number[] = [];

  constructor(importance: Float64Array) {
    this.#importance = importance;
  }
  get size(): number {
    return this.#edges.length;
  }
  #before(a: number, b: number): boolean {
    const [x, y] = [this.#importance[a]!, this.#importance[b]!];
    return x === y ? a < b : x > y;
  }
  push(edge: number): void {
    const edges = this.#edges;
    let at = edges.length;
    edges.push(edge);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(edge, edges[parent]!)) break;
      edges[at] = edges[parent]!;
      at = parent;
    }
    edges[at] = edge;
  }
  /** Not of an empty heap. */
  pop(): number {
    const edges = this.#edges;
    const top = edges[0]!;
    const last = edges.pop()!;
    if (edges.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= edges.length) break;
      if (child + 1 < edges.length && this.#before(edges[child + 1]!, edges[child]!)) child++;
      if (!this.#before(edges[child]!, last)) break;
      edges[at] = edges[child]!;
      at = child;
    }
    edges[at] = last;
    return top;
  }
}
