/** @file Reads EAP-IG's and MIB's graph JSON: scores of edges, nodes and neurons, and the circuit, of a model's graph. */
import { AutoCircuitError } from '../errors/error.js';
import { didYouMean, nearestNames } from '../errors/names.js';
import { checkJson, type JsonOrigin, parseJson } from '../files/json-file.js';
import { floatTensor } from '../tensor/tensor.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS, edgeCountFormula } from './build.js';
import { makeCircuit } from './circuit.js';
import { type EapIgGraph, type EapIgNode, eapIgNames, eapIgSchema, representable } from './eap-ig-format.js';
import { allEdges, edgeEnds } from './edges.js';
import { unflattenScores } from './score-index.js';
import type { Circuit, Graph, NodeScores, PruneScores, TransformerLayout } from './types.js';
import { checkGraph } from './validate.js';

/** What an EAP-IG graph says of one of our graphs. */
export interface EapIgContent {
  readonly graph: Graph;
  /** Of edges; null in a file without any scores. */
  readonly scores: PruneScores | null;
  /** Whose they are: `nodes` (`neurons`) where edges have none, or only zeros, and each got the score of its source. */
  readonly scoresOf: 'edges' | 'nodes' | 'neurons' | null;
  /** The edges marked `in_graph`; null where that chooses nothing: all edges, or none beside scores. */
  readonly circuit: Circuit | null;
  /** Of nodes and neurons; ∞ for one without a score among others that have one, since EAP-IG always keeps it. */
  readonly nodes: NodeScores | null;
  /** By source: which of the numbers that it writes are in the circuit, [sources][dModel]; null where the file says nothing. */
  readonly neurons: readonly (readonly boolean[])[] | null;
}

/** The value of an EAP-IG file. Python writes NaN for a node without a score, which is no JSON: here null. @throws AutoCircuitError for no JSON */
export const parseEapIgText = (text: string, origin: JsonOrigin): unknown =>
  parseJson(text.replace(/(?<=[:[,]\s*)NaN(?=\s*[,\]}])/g, 'null'), origin);

/**
 * Reads EAP-IG's graph for a model of this layout: every edge must be there.
 * @throws AutoCircuitError when it is not such a graph, belongs to another model, or lacks or adds an edge or a node
 */
export function fromEapIg(value: unknown, layout: TransformerLayout, path = 'EAP-IG graph'): EapIgContent {
  const origin: JsonOrigin = { where: 'eap-ig', path };
  const json = checkJson(eapIgSchema, value, origin);
  checkConfig(json.cfg, layout, path);
  checkCounts(json, layout, path);
  const graph = buildGraph(layout, DEFAULT_GRAPH_OPTIONS);
  representable(graph);
  const { flat, inside } = readEdges(graph, json.edges, path);
  const entries = readNodes(graph, json.nodes, path);
  const nodes = nodeScores(graph, entries);
  const own = flat?.some((score) => score !== 0) ?? false;
  const bySource = !own && nodes !== null;
  const scored = bySource
    ? Float64Array.from({ length: graph.edgeCount }, (_, n) => nodes.scores.data[edgeEnds(graph, n).source.index]!)
    : flat;
  const ofNodes = entries.some(({ score }) => typeof score === 'number') ? 'nodes' : 'neurons';
  const choosesNothing = inside.length === graph.edgeCount || (inside.length === 0 && scored !== null);
  const marked = entries.some(({ neurons }) => neurons?.includes(true));
  return Object.freeze({
    graph,
    scores: scored && unflattenScores(graph, scored),
    scoresOf: scored ? (bySource ? ofNodes : 'edges') : null,
    circuit: choosesNothing ? null : makeCircuit(graph, inside),
    nodes,
    neurons: marked ? entries.map(({ neurons }) => neurons ?? new Array<boolean>(layout.dModel).fill(true)) : null,
  });
}

/**
 * The circuit of a file, for what runs edges whole.
 * @throws AutoCircuitError `unsupported-graph` for a circuit that has some of the numbers that a node writes but not all
 */
export function circuitOfEdges(
  { graph, circuit, neurons }: Pick<EapIgContent, 'graph' | 'circuit' | 'neurons'>,
  path: string,
): Circuit | null {
  const all = Array.from({ length: graph.edgeCount }, (_, number) => number);
  const sources = new Set((circuit?.edges ?? all).map((number) => edgeEnds(graph, number).source.index));
  const part = neurons?.findIndex((own, index) => sources.has(index) && own.includes(false)) ?? -1;
  if (part < 0) return circuit;
  const inside = neurons![part]!.filter(Boolean).length;
  throw new AutoCircuitError({
    code: 'unsupported-graph',
    fields: { path, reason: 'neurons', node: graph.sources[part]!.name },
    where: 'eap-ig',
    what: `${path} is a circuit of neurons, and circuits here are made of whole edges`,
    expected: 'all numbers that a node of the circuit writes',
    got: `${inside} of the ${graph.layout.dModel} of "${graph.sources[part]!.name}"`,
    fix: 'keep it in the format of EAP-IG or MIB, which holds neurons, or choose edges by their scores',
  });
}

/** So many edges of a graph are listed to find the one that a file lacks. */
const MOST_LISTED = 2 ** 18;
/** Numbers of all neurons that are held at a time: 1 GiB in float64. */
const MOST_NEURONS = 2 ** 27;

/** Before anything is built: sizes are the file's own, and need not be those of a model. */
function checkCounts({ edges, nodes }: EapIgGraph, layout: TransformerLayout, path: string): void {
  checkGraph(layout, DEFAULT_GRAPH_OPTIONS);
  const count = edgeCountFormula(layout, DEFAULT_GRAPH_OPTIONS);
  const got = Object.keys(edges).length;
  if (count !== got && count > MOST_LISTED) {
    throw new AutoCircuitError({
      code: 'graph-mismatch',
      fields: { path, key: 'edges' },
      where: 'eap-ig',
      what: `${path} has another number of edges than a model of ${layout.layers} layers of ${layout.heads} heads`,
      expected: `${count} edges`,
      got: `${got}`,
      fix: 'check n_layers and n_heads in "cfg", and that the file is whole',
    });
  }
  const sources = 1 + layout.layers * (layout.heads + 1);
  const ofNeurons = Object.values(nodes).some((node) => node.neurons ?? node.neurons_scores);
  if (!ofNeurons || sources * layout.dModel <= MOST_NEURONS) return;
  throw new AutoCircuitError({
    code: 'memory-limit',
    fields: { path, bytes: 8 * sources * layout.dModel, limit: 8 * MOST_NEURONS },
    where: 'eap-ig',
    what: `the neurons of ${path} do not fit in memory`,
    expected: `at most ${MOST_NEURONS} numbers`,
    got: `${sources} nodes of ${layout.dModel}`,
  });
}

/** Scores of edges by canonical number (null: none has one), and the numbers of those in the circuit. */
function readEdges(graph: Graph, edges: EapIgGraph['edges'], path: string) {
  const names = allEdges(graph).map(eapIgNames(graph).edge);
  const numberOf = new Map(names.map((name, number) => [name, number]));
  const flat = new Float64Array(graph.edgeCount);
  const inside: number[] = [];
  const unscored: string[] = [];
  for (const [name, { score, in_graph }] of Object.entries(edges)) {
    const number = numberOf.get(name);
    if (number === undefined) throw unknownName('unknown-edge', 'an edge', name, names, path);
    numberOf.delete(name);
    if (score === undefined) unscored.push(name);
    flat[number] = score ?? 0;
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
  if (unscored.length === graph.edgeCount) return { flat: null, inside };
  if (unscored.length === 0) return { flat, inside };
  throw new AutoCircuitError({
    code: 'invalid-file',
    fields: { path, key: `edges.${unscored[0]}.score` },
    where: 'eap-ig',
    what: `${path}: ${unscored.length} edges have no score, such as "${unscored[0]}"`,
    expected: 'scores for every edge, or for none',
  });
}

/** What the file says of each source, in the graph's order. */
function readNodes(graph: Graph, nodes: EapIgGraph['nodes'], path: string): readonly EapIgNode[] {
  const names = graph.sources.map(eapIgNames(graph).source);
  const known = new Set([...names, 'logits']);
  const stray = Object.keys(nodes).find((name) => !known.has(name));
  if (stray !== undefined) throw unknownName('unknown-node', 'a node', stray, [...known], path);
  const { dModel } = graph.layout;
  return names.map((name): EapIgNode => {
    const node = nodes[name] ?? { in_graph: false };
    for (const key of ['neurons', 'neurons_scores'] as const) {
      const got = node[key]?.length;
      if (got === undefined || got === dModel) continue;
      throw new AutoCircuitError({
        code: 'graph-mismatch',
        fields: { path, key: `nodes.${name}.${key}` },
        where: 'eap-ig',
        what: `${path}: "${name}" has a different number of ${key} than the model writes`,
        expected: `${dModel}`,
        got: `${got}`,
      });
    }
    return node;
  });
}

/** [sources], and [sources, dModel]; a node without a score of its own has the sum of its neurons'. Null without any score. */
function nodeScores(graph: Graph, entries: readonly EapIgNode[]): NodeScores | null {
  const ofNeurons = entries.some((node) => node.neurons_scores?.some((score) => score !== null));
  const ofNodes = entries.some(({ score }) => typeof score === 'number');
  if (!ofNeurons && !ofNodes) return null;
  const { dModel } = graph.layout;
  // a file may say any dModel where no node lists its numbers
  const neurons = entries.map(({ neurons_scores: own }) =>
    ofNeurons ? Array.from({ length: dModel }, (_, i) => own?.[i] ?? Number.POSITIVE_INFINITY) : [],
  );
  const sumOf = (own: readonly number[]): number => {
    const finite = own.filter(Number.isFinite);
    return finite.length === 0 ? Number.POSITIVE_INFINITY : finite.reduce((sum, score) => sum + score, 0);
  };
  const scores = entries.map(({ score }, i) => (ofNodes ? (score ?? Number.POSITIVE_INFINITY) : sumOf(neurons[i]!)));
  return {
    scores: floatTensor(Float64Array.from(scores), [scores.length]),
    ...(ofNeurons ? { neurons: floatTensor(Float64Array.from(neurons.flat()), [scores.length, dModel]) } : {}),
  };
}

function unknownName(
  code: 'unknown-edge' | 'unknown-node',
  what: string,
  name: string,
  known: readonly string[],
  path: string,
): AutoCircuitError {
  const nearest = nearestNames(name.slice(0, 80), known);
  return new AutoCircuitError({
    code,
    fields: { name, path, nearest },
    where: 'eap-ig',
    what: `${path} has ${what} "${name.slice(0, 80)}" that the model does not have`,
    ...(nearest.length ? { fix: didYouMean(nearest) } : {}),
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
