/**
 * @file From names to the nodes of a graph. A graph's own names come first; then those of other tools (`peer-names.ts`).
 * Where a name fits no node, the error offers the nearest ones.
 */
import { AutoCircuitError } from '../errors/error.js';
import { didYouMean, nearestNames } from '../errors/names.js';
import { type EdgeSide, HEAD_INPUTS, ownName, type PeerName, readPeerName } from './peer-names.js';
import type { DestinationNode, Graph, SourceNode } from './types.js';

interface NodesByName {
  readonly source: ReadonlyMap<string, SourceNode>;
  readonly destination: ReadonlyMap<string, DestinationNode>;
}
const nodesOf = new WeakMap<Graph, NodesByName>();

function nodesByName(graph: Graph): NodesByName {
  const known = nodesOf.get(graph);
  if (known) return known;
  const made: NodesByName = {
    source: new Map(graph.sources.map((node) => [node.name, node])),
    destination: new Map(graph.destinations.map((node) => [node.name, node])),
  };
  nodesOf.set(graph, made);
  return made;
}

/**
 * The source node of this name, ours (`A9.9`, `MLP 3`, `Resid Start`) or another tool's.
 * @param within what the name stands in, for the sentence of an error: `in "L9H9->m11"`
 * @throws AutoCircuitError `unknown-node` with the nearest names
 */
export function sourceNamed(graph: Graph, name: string, within = ''): SourceNode {
  return named(graph, nodesByName(graph).source, 'source', name, within);
}

/**
 * The destination node of this name, ours (`A9.9.Q`, `MLP 3`, `Resid End`) or another tool's.
 * @param within what the name stands in, for the sentence of an error: `in "L9H9->m11"`
 * @throws AutoCircuitError `unknown-node` with the nearest names; for a head without Q, K or V where they are apart, with those three
 */
export function destinationNamed(graph: Graph, name: string, within = ''): DestinationNode {
  return named(graph, nodesByName(graph).destination, 'destination', name, within);
}

function named<N>(graph: Graph, nodes: ReadonlyMap<string, N>, side: EdgeSide, name: string, within: string): N {
  const own = nodes.get(name);
  if (own !== undefined) return own;
  const peer = readPeerName(name);
  const fits = peer !== null && (peer.side === null || peer.side === side);
  const node = fits ? nodes.get(ownName(peer.node, graph.layout.layers)) : undefined;
  if (node !== undefined) return node;
  throw unknownNode(graph, side, name, within, [...nodes.keys()], peer);
}

/** Names shown of many: a graph may have thousands of nodes. */
const SHOWN_NODES = 8;

function unknownNode(
  graph: Graph,
  side: EdgeSide,
  name: string,
  within: string,
  known: readonly string[],
  peer: PeerName | null,
): AutoCircuitError {
  const meant = peer === null ? [] : meantNames(graph, peer).filter((one) => known.includes(one));
  const ours = peer === null ? name : ownName(peer.node, graph.layout.layers);
  const nearest = meant.length > 0 ? meant : nearestNames(ours, known, SHOWN_NODES);
  const hint = nearest.length > 0 ? didYouMean(nearest) : hintOf(graph, name, peer);
  const shown = known.slice(0, SHOWN_NODES).join(', ');
  const more = known.length > SHOWN_NODES ? `, … (${known.length} in all)` : '';
  return new AutoCircuitError({
    code: 'unknown-node',
    fields: {
      name,
      side,
      nearest,
      known,
      ...(isMiddle(peer) && graph.options.factorized ? { needs: 'residual' } : {}),
    },
    where: 'graph',
    what: `unknown ${side} node${within && ` ${within}:`} "${name}"${meant.length > 1 ? ', a head whose Q, K and V are separate' : ''}`,
    fix: hint ?? `known: ${shown}${more}`,
  });
}

/** Whether a name means the stream between modules. */
const isMiddle = (peer: PeerName | null): boolean => peer?.node.kind === 'mid' || peer?.node.kind === 'post';

/** What to write in place of the name of a hook that means no node by itself, or none of this graph; null for another name. */
function hintOf({ options, layout }: Graph, name: string, peer: PeerName | null): string | null {
  if (layout.kind !== 'transformer') return null;
  if (isMiddle(peer) && options.factorized)
    return 'it exists only in the residual graph: build that, or name a head or an MLP';
  if (/^(?:blocks\.\d+\.)?(?:attn\.hook_(?:z|result)|hook_(?:attn_in|[qkv]_input))$/.test(name)) {
    return `it covers all heads of a layer: name one, such as "${name.startsWith('blocks') ? '' : 'blocks.0.'}${name}[0]"`;
  }
  return /^hook_\w+$/.test(name) ? `every block has this hook: name one, such as "blocks.0.${name}"` : null;
}

/** Names of nodes close to what a name of another tool means: of the head's inputs, or of the head where they are joint. */
function meantNames({ layout, options }: Graph, { node }: PeerName): string[] {
  if (node.kind !== 'head') return [ownName(node, layout.layers)];
  const whole = ownName({ ...node, input: null }, layout.layers);
  const group = layout.kind === 'transformer' ? layout.heads / layout.kvHeads : 1;
  const inputs = (node.input === null ? HEAD_INPUTS : [node.input]).map((input) =>
    input !== 'q' && options.kvInputs === 'kv-head'
      ? `A${node.layer}.kv${Math.floor(node.head / group)}.${input.toUpperCase()}`
      : `${whole}.${input.toUpperCase()}`,
  );
  return [whole, ...inputs];
}
