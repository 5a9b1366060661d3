/** @file Circuits: sets of kept edges, the part of one that is connected, and masks from them. */
import { type FloatArray, floatTensor, type Tensor } from '../tensor/tensor.js';
import { blockEdges, scoreShape } from './build.js';
import { checkEdgeNumber, edgeEnds } from './edges.js';
import { attentionOf, innerLinks, reachOf } from './inner-links.js';
import { scoreIndex } from './score-index.js';
import type { Circuit, Graph, Mask } from './types.js';

/** A circuit of these edges (canonical numbers): sorted, each once, frozen. @throws AutoCircuitError for a number the graph does not have. */
export function makeCircuit(graph: Graph, edges: Iterable<number>): Circuit {
  const unique = new Set(edges);
  for (const number of unique) checkEdgeNumber(graph, number);
  return Object.freeze({ graph, edges: Object.freeze([...unique].sort((a, b) => a - b)) });
}

/** A mask with `inside` on the given edges (canonical numbers) and `outside` on all others; one for the whole batch. */
export function maskFromEdges(
  graph: Graph,
  edges: Iterable<number>,
  { inside, outside }: { readonly inside: number; readonly outside: number },
): Mask {
  const { block, offset, blockSize } = scoreIndex(graph);
  const tensors: Record<string, Tensor<FloatArray>> = {};
  const datas = graph.destinationBlocks.map((entry) => {
    const data = new Float32Array(blockEdges(entry) * (graph.options.positions ?? 1)).fill(outside);
    tensors[entry.module] = floatTensor<FloatArray>(data, scoreShape(graph, entry)); // [position?, head?, sources]
    return data;
  });
  for (const number of edges) {
    checkEdgeNumber(graph, number);
    const place = number % graph.edgesPerPosition;
    const b = block[place]!;
    datas[b]![Math.floor(number / graph.edgesPerPosition) * blockSize[b]! + offset[place]!] = inside;
  }
  return Object.freeze({ perItem: false, tensors: Object.freeze(tensors) });
}

/** Which edges count as connected. */
export interface ConnectedOptions {
  /** Drop edges whose source nothing kept leads to. Exact only when a fully patched node equals its patch value: resample. */
  readonly requireWayIn: boolean;
  /** Drop edges whose destination leads nowhere. Exact under every ablation. */
  readonly requireWayOut: boolean;
  /** Which positions attention moves information to. Default: what the graph's layout says. */
  readonly attention?: 'causal' | 'full';
}

/**
 * The edges of a circuit that remain when nodes without a path from the input, or without a path to `Resid End`, are
 * dropped until none is left. Information also flows inside nodes, without edges: from an attention head's inputs (Q, K, V or joint)
 * to the head, from `MLP l` to `MLP l`, and in the residual graph from `Resid Mid/Post` as a destination to itself and to
 * what reads the stream there. A path from the input starts at `Resid Start` and at whatever reads the unpatched input.
 *
 * With token positions a node is one node for each position. MLPs, streams and Q stay at their position; K, V and joint
 * inputs at p reach their head at p and later. `Resid End` counts at every position.
 */
export function connectedPart(circuit: Circuit, options: ConnectedOptions): Circuit {
  const { graph } = circuit;
  const inOrder = circuit.edges
    .map((number) => ({ number, ...edgeEnds(graph, number) }))
    .sort((a, b) => a.destination.index - b.destination.index);
  const links = innerLinks(graph);
  const reach = reachOf(graph, options.attention ?? attentionOf(graph));
  let kept = inOrder;
  // One sweep each way is enough: a kept edge lies on a path from the input to the end, and so do all edges of that path.
  if (options.requireWayIn) {
    const reached = nodeFlags(graph.sources.length, graph);
    const fed = new Set(links.flat().map((link) => link.source.index));
    for (const source of graph.sources)
      if (!fed.has(source.index)) for (const flags of reached) flags[source.index] = 1;
    kept = kept.filter(({ source, destination, position }) => {
      if (!reached[position ?? 0]![source.index]) return false;
      for (const link of links[destination.index]!) {
        for (const to of reach(link, position ?? 0)) reached[to]![link.source.index] = 1;
      }
      return true;
    });
  }
  if (options.requireWayOut) {
    const leadsOut = nodeFlags(graph.sources.length, graph);
    const end = graph.destinations.length - 1;
    const out = kept.toReversed().filter(({ source, destination, position }) => {
      const goesOn = links[destination.index]!.some((link) =>
        reach(link, position ?? 0).some((to) => leadsOut[to]![link.source.index]),
      );
      if (destination.index !== end && !goesOn) return false;
      leadsOut[position ?? 0]![source.index] = 1;
      return true;
    });
    kept = out;
  }
  return makeCircuit(
    graph,
    kept.map((edge) => edge.number),
  );
}

/** One flag for each node, by position. */
const nodeFlags = (nodes: number, graph: Graph): Uint8Array[] =>
  Array.from({ length: graph.options.positions ?? 1 }, () => new Uint8Array(nodes));
