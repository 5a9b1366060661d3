/**
 * @file EAP-IG's graph JSON, which MIB takes too: what it holds, and how ours is written so. Its nodes: `input`, `a{l}.h{h}`,
 * `m{l}`, `logits`; its edges: `a0.h1->a3.h2<q>`. It knows one kind of graph: heads and MLPs, Q, K and V apart for every
 * query head, shared by all positions. Edges, nodes and the single numbers that nodes write ("neurons") may each have
 * scores, and each may be in the circuit or not.
 */
import { z } from 'zod';
import { AutoCircuitError } from '../errors/error.js';
import { allEdges } from './edges.js';
import { peerName } from './peer-names.js';
import { flattenScores } from './score-index.js';
import type {
  Circuit,
  DestinationNode,
  Edge,
  Graph,
  NodeScores,
  PruneScores,
  SourceNode,
  TransformerLayout,
} from './types.js';

const nodeSchema = z.object({
  in_graph: z.boolean(),
  /** Left out, or null (NaN in Python's files), for a node that has none: EAP-IG always keeps such a node. */
  score: z.number().nullable().optional(),
  /** Which of its dModel numbers are in the circuit. */
  neurons: z.array(z.union([z.boolean(), z.number().transform((kept) => kept !== 0)])).optional(),
  neurons_scores: z.array(z.number().nullable()).optional(),
});
/** The schema of EAP-IG's graph JSON. */
export const eapIgSchema = z.object({
  cfg: z.object({
    n_layers: z.int(),
    n_heads: z.int(),
    parallel_attn_mlp: z.boolean().optional(),
    d_model: z.int().optional(),
  }),
  /** Early versions have only whether a node is in the graph. */
  nodes: z.record(z.string(), z.union([nodeSchema, z.boolean().transform((in_graph) => ({ in_graph }))])),
  /** All edges have scores, or none: MIB takes circuits without. */
  edges: z.record(z.string(), z.object({ score: z.number().optional(), in_graph: z.boolean() })),
});
/** A node of EAP-IG's graph JSON. */
export type EapIgNode = z.infer<typeof nodeSchema>;
/** EAP-IG's graph JSON. */
export interface EapIgGraph extends Omit<z.infer<typeof eapIgSchema>, 'nodes'> {
  readonly nodes: Record<string, EapIgNode>;
}

/** What else EAP-IG's graph can hold. */
export interface EapIgNodes {
  /** A score of ∞ stands for none. */
  readonly nodes?: NodeScores | undefined;
  /** By source node: which of the numbers that it writes are in the circuit, [sources][dModel]. */
  readonly neurons?: readonly (readonly boolean[])[] | undefined;
}

/**
 * Scores (null: none), and the circuit's edges as `in_graph` (all, when there is no circuit), in EAP-IG's form; signs as they
 * are. A node is in the graph when one of the circuit's edges starts or ends at it; `logits` always is.
 * @throws AutoCircuitError for graphs that the format cannot hold and for infinite scores of edges or neurons, which JSON
 * cannot hold.
 */
export function toEapIg(
  graph: Graph,
  scores: PruneScores | null,
  circuit?: Circuit,
  { nodes: scored, neurons }: EapIgNodes = {},
): EapIgGraph {
  const layout = representable(graph);
  const flat = scores && flattenScores(graph, scores);
  const all = allEdges(graph);
  const infinite = flat ? flat.findIndex((score) => !Number.isFinite(score)) : -1;
  if (infinite >= 0) throw notFinite(all[infinite]!.name, flat![infinite]!);
  const inside = new Uint8Array(graph.edgeCount);
  for (const number of circuit?.edges ?? inside.keys()) inside[number] = 1;

  const nodes: Record<string, EapIgNode> = {};
  const names = eapIgNames(graph);
  for (const source of graph.sources) {
    const score = scored?.scores.data[source.index];
    const numbers = scored && neuronScores(graph, source, scored);
    nodes[names.source(source)] = {
      in_graph: false,
      ...(score !== undefined && Number.isFinite(score) ? { score } : {}),
      ...(neurons ? { neurons: [...neurons[source.index]!] } : {}),
      ...(numbers ? { neurons_scores: numbers } : {}),
    };
  }
  nodes.logits = { in_graph: true };
  const edges: EapIgGraph['edges'] = {};
  for (const edge of all) {
    const inGraph = inside[edge.number] === 1;
    edges[names.edge(edge)] = { ...(flat ? { score: flat[edge.number]! } : {}), in_graph: inGraph };
    if (!inGraph) continue;
    nodes[names.source(edge.source)]!.in_graph = true;
    nodes[names.reader(edge.destination)]!.in_graph = true;
  }
  const cfg = {
    n_layers: layout.layers,
    n_heads: layout.heads,
    parallel_attn_mlp: layout.parallel,
    d_model: layout.dModel,
  };
  return { cfg, nodes, edges };
}

/** Of the dModel numbers that a source writes; null where none has a score. */
function neuronScores(graph: Graph, { index, name }: SourceNode, { neurons }: NodeScores): number[] | null {
  if (!neurons) return null;
  const { dModel } = graph.layout;
  const own = Array.from(neurons.data.subarray(index * dModel, (index + 1) * dModel));
  const infinite = own.find((score) => !Number.isFinite(score));
  if (infinite === undefined) return own;
  if (own.some(Number.isFinite)) throw notFinite(name, infinite);
  return null;
}

const notFinite = (name: string, got: number): AutoCircuitError =>
  new AutoCircuitError({
    code: 'not-finite',
    fields: { name },
    where: 'eap-ig',
    what: `the score of "${name}" cannot be written in EAP-IG's format`,
    expected: 'a finite number',
    got: `${got}`,
    fix: 'keep such scores in the run folder, or replace them by a large number first',
  });

/** The layout of a graph that EAP-IG's format can hold. @throws AutoCircuitError for one that it cannot */
export function representable(graph: Graph): TransformerLayout {
  const { layout, options } = graph;
  const reasons: Readonly<Record<string, boolean>> = {
    'a toy model without attention': layout.kind !== 'transformer',
    'latents of an autoencoder': layout.kind === 'transformer' && layout.latents !== undefined,
    'a mixture of experts': layout.kind === 'transformer' && layout.experts !== undefined,
    'an attention-only model (its graphs always have MLPs)': layout.kind === 'transformer' && !layout.mlp,
    'the residual graph': !options.factorized,
    'edges by token position': options.positions !== null,
    'joint QKV inputs': !options.splitQkv,
    'K and V inputs by KV head': options.kvInputs === 'kv-head',
  };
  const reason = Object.entries(reasons).find(([, holds]) => holds)?.[0];
  if (layout.kind === 'transformer' && reason === undefined) return layout;
  throw new AutoCircuitError({
    code: 'unsupported-graph',
    fields: { reason: reason ?? layout.kind },
    where: 'eap-ig',
    what: "EAP-IG's format cannot hold this graph",
    expected: 'heads and MLPs with separate Q, K and V for every query head, shared by all positions',
    got: reason ?? layout.kind,
  });
}

/** EAP-IG's names of the nodes and edges of a graph that its format can hold. */
export function eapIgNames(graph: Graph) {
  const { layers } = graph.layout;
  const sources = graph.sources.map(({ name }) => peerName(name, 'eap-ig', 'source', layers)!);
  const destinations = graph.destinations.map(({ name }) => peerName(name, 'eap-ig', 'destination', layers)!);
  return {
    source: ({ index }: SourceNode): string => sources[index]!,
    /** Of the node that a destination belongs to: `a3.h2`, not `a3.h2<q>`. */
    reader: ({ index }: DestinationNode): string => destinations[index]!.replace(/<.>$/, ''),
    /** `a0.h1->a3.h2<q>` */
    edge: ({ source, destination }: Edge): string => `${sources[source.index]}->${destinations[destination.index]}`,
  };
}
