/**
 * @file EAP-IG's graph JSON, both ways. Its nodes: `input`, `a{l}.h{h}`, `m{l}`, `logits`; its edges: `a0.h1->a3.h2<q>`.
 * It knows one kind of graph: heads and MLPs, Q, K and V apart for every query head, shared by all positions.
 */
import { z } from 'zod';
import { AutoCircuitError } from '../errors/error.js';
import { nearestNames } from '../errors/names.js';
import { checkJson, type JsonOrigin } from '../files/json-file.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from './build.js';
import { makeCircuit } from './circuit.js';
import { allEdges } from './edges.js';
import { peerName } from './peer-names.js';
import { flattenScores, unflattenScores } from './score-index.js';
import type { Circuit, DestinationNode, Edge, Graph, PruneScores, SourceNode, TransformerLayout } from './types.js';

const jsonSchema = z.object({
  cfg: z.object({
    n_layers: z.int(),
    n_heads: z.int(),
    parallel_attn_mlp: z.boolean().optional(),
    d_model: z.int().optional(),
  }),
  nodes: z.record(z.string(), z.object({ in_graph: z.boolean(), score: z.number().optional() })),
  edges: z.record(z.string(), z.object({ score: z.number(), in_graph: z.boolean() })),
});
/** EAP-IG's graph JSON. */
export type EapIgGraph = z.infer<typeof jsonSchema>;

/** What such a file says of one of our graphs. */
export interface EapIgContent {
  readonly graph: Graph;
  readonly scores: PruneScores;
  /** The edges marked `in_graph`. */
  readonly circuit: Circuit;
}

/**
 * Scores, and the circuit's edges as `in_graph` (all, when there is no circuit), in EAP-IG's form; signs as they are.
 * A node is in the graph when one of the circuit's edges starts or ends at it; `logits` always is.
 * @throws AutoCircuitError for graphs that the format cannot hold and for infinite scores, which JSON cannot hold.
 */
export function toEapIg(graph: Graph, scores: PruneScores, circuit?: Circuit): EapIgGraph {
  const layout = representable(graph);
  const flat = flattenScores(graph, scores);
  const all = allEdges(graph);
  const infinite = flat.findIndex((score) => !Number.isFinite(score));
  if (infinite >= 0) {
    throw new AutoCircuitError({
      code: 'not-finite',
      fields: { name: all[infinite]!.name },
      where: 'eap-ig',
      what: `the score of "${all[infinite]!.name}" cannot be written in EAP-IG's format`,
      expected: 'a finite number',
      got: `${flat[infinite]}`,
      fix: 'keep such scores in the run folder, or replace them by a large number first',
    });
  }
  const inside = new Uint8Array(graph.edgeCount);
  for (const number of circuit?.edges ?? inside.keys()) inside[number] = 1;

  const nodes: Record<string, { in_graph: boolean }> = {};
  const names = peerNames(graph);
  for (const source of graph.sources) nodes[names.source(source)] = { in_graph: false };
  nodes.logits = { in_graph: true };
  const edges: Record<string, { score: number; in_graph: boolean }> = {};
  for (const edge of all) {
    const inGraph = inside[edge.number] === 1;
    edges[names.edge(edge)] = { score: flat[edge.number]!, in_graph: inGraph };
    if (!inGraph) continue;
    nodes[names.source(edge.source)] = { in_graph: true };
    nodes[names.reader(edge.destination)] = { in_graph: true };
  }
  const cfg = {
    n_layers: layout.layers,
    n_heads: layout.heads,
    parallel_attn_mlp: layout.parallel,
    d_model: layout.dModel,
  };
  return { cfg, nodes, edges };
}

/**
 * Reads EAP-IG's graph for a model of this layout: every edge must be there.
 * @throws AutoCircuitError when it is not such a graph, belongs to another model, or lacks or adds an edge.
 */
export function fromEapIg(value: unknown, layout: TransformerLayout, path = 'EAP-IG graph'): EapIgContent {
  const origin: JsonOrigin = { where: 'eap-ig', path };
  const json = checkJson(jsonSchema, value, origin);
  const graph = buildGraph(layout, DEFAULT_GRAPH_OPTIONS);
  representable(graph);
  checkConfig(json.cfg, layout, path);
  const names = allEdges(graph).map(peerNames(graph).edge);
  const numberOf = new Map(names.map((name, number) => [name, number]));
  const flat = new Float64Array(graph.edgeCount);
  const inside: number[] = [];
  for (const [name, { score, in_graph }] of Object.entries(json.edges)) {
    const number = numberOf.get(name);
    if (number === undefined) {
      const nearest = nearestNames(name.slice(0, 80), names);
      throw new AutoCircuitError({
        code: 'unknown-edge',
        fields: { name, path, nearest },
        where: 'eap-ig',
        what: `${path} has an edge "${name.slice(0, 80)}" that the model does not have`,
        ...(nearest.length ? { fix: `did you mean ${nearest.map((n) => `"${n}"`).join(' or ')}?` } : {}),
      });
    }
    numberOf.delete(name);
    flat[number] = score;
    if (in_graph) inside.push(number);
  }
  const [missing] = numberOf.keys();
  if (missing !== undefined) {
    throw new AutoCircuitError({
      code: 'graph-mismatch',
      fields: { path, key: 'edges', missing },
      where: 'eap-ig',
      what: `${path} lacks ${numberOf.size} of the model's edges, such as "${missing}"`,
      expected: `${graph.edgeCount} edges`,
      got: `${graph.edgeCount - numberOf.size}`,
    });
  }
  return Object.freeze({ graph, scores: unflattenScores(graph, flat), circuit: makeCircuit(graph, inside) });
}

function representable(graph: Graph): TransformerLayout {
  const { layout, options } = graph;
  const reasons: Readonly<Record<string, boolean>> = {
    'a toy model without attention': layout.kind !== 'transformer',
    'latents of an autoencoder': layout.kind === 'transformer' && layout.latents !== undefined,
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
    expected: 'heads and MLPs with Q, K and V apart for every query head, shared by all positions',
    got: reason ?? layout.kind,
  });
}

function checkConfig(cfg: EapIgGraph['cfg'], layout: TransformerLayout, path: string): void {
  const expected = {
    n_layers: layout.layers,
    n_heads: layout.heads,
    parallel_attn_mlp: layout.parallel,
    d_model: layout.dModel,
  };
  for (const key of ['n_layers', 'n_heads', 'parallel_attn_mlp', 'd_model'] as const) {
    if (cfg[key] === undefined || cfg[key] === expected[key]) continue;
    throw new AutoCircuitError({
      code: 'graph-mismatch',
      fields: { path, key },
      where: 'eap-ig',
      what: `${path} belongs to another model: ${key} differs`,
      expected: `${expected[key]}`,
      got: `${cfg[key]}`,
    });
  }
}

/** EAP-IG's names of the nodes and edges of a graph that its format can hold. */
function peerNames(graph: Graph) {
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
