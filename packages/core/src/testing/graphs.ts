/** @file Small graphs for tests: a transformer and a staged toy model, with scores and circuits by the names of edges. */
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../graph/build.js';
import { makeCircuit } from '../graph/circuit.js';
import { edgesByName } from '../graph/edges.js';
import { unflattenScores } from '../graph/score-index.js';
import type { Circuit, Graph, GraphOptions, PruneScores, StagedLayout, TransformerLayout } from '../graph/types.js';

/** Two layers of two query heads that share one KV head, and an MLP in each. */
export const SMALL_LAYOUT: TransformerLayout = Object.freeze({
  kind: 'transformer',
  layers: 2,
  heads: 2,
  kvHeads: 1,
  dModel: 4,
  mlp: true,
  parallel: false,
});

/** The graph of `SMALL_LAYOUT`, with what differs. */
export const smallGraph = (options: Partial<GraphOptions> = {}, layout: Partial<TransformerLayout> = {}): Graph =>
  buildGraph({ ...SMALL_LAYOUT, ...layout }, { ...DEFAULT_GRAPH_OPTIONS, ...options });

/** The graph of a toy model: two layers of two heads unless told otherwise. 2 + 6 + 5 = 13 edges. */
export const stagedGraph = (options: Partial<GraphOptions> = {}, layout: Partial<StagedLayout> = {}): Graph =>
  buildGraph({ kind: 'staged', layers: 2, heads: 2, dModel: 2, ...layout }, { ...DEFAULT_GRAPH_OPTIONS, ...options });

/** Scores of the edges named; 0 for all others. */
export function scoresByName(graph: Graph, named: Readonly<Record<string, number>>): PruneScores {
  const flat = new Float64Array(graph.edgeCount); // canonical
  for (const [name, score] of Object.entries(named)) for (const edge of edgesByName(graph, name)) flat[edge] = score;
  return unflattenScores(graph, flat);
}

/** The circuit of the edges named. */
export const circuitByName = (graph: Graph, names: readonly string[]): Circuit =>
  makeCircuit(
    graph,
    names.flatMap((name) => edgesByName(graph, name)),
  );
