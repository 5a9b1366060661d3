/** @file Scores of nodes on disk: one number a node as JSON, one for each number that a node writes as safetensors. */

import { AutoCircuitError } from '../errors/error.js';
import { openSafetensors } from '../files/safetensors.js';
import { safetensorsSource, writeSafetensors } from '../files/safetensors-write.js';
import type { Graph, NodeScores } from '../graph/types.js';
import { type FloatArray, floatTensor, type Tensor } from '../tensor/tensor.js';
import { fromJsonNumber, type JsonNumber, toJsonNumber } from './schemas.js';

/** A node in `nodes.json`. */
export interface NodeEntry {
  readonly node: string;
  readonly position?: number | undefined;
  readonly score: JsonNumber;
}
const NEURONS = 'neurons';

/** In the precision of the files, so that what is read back is what was there. @throws AutoCircuitError for other shapes, NaN */
export function toFileNodes(graph: Graph, { scores, neurons }: NodeScores): NodeScores {
  checkShape(graph, scores, []);
  if (!neurons) return { scores };
  checkShape(graph, neurons, [graph.layout.dModel]);
  return { scores, neurons: floatTensor(Float32Array.from(neurons.data), neurons.shape) };
}

/** By falling importance; equal ones in the graph's order. */
export function nodesToJson(graph: Graph, { data }: Tensor<FloatArray>): NodeEntry[] {
  const nodes = graph.sources.length;
  const entries = Array.from(data, (score, i) => ({
    node: graph.sources[i % nodes]!.name,
    ...(graph.options.positions === null ? {} : { position: Math.floor(i / nodes) }),
    score,
  }));
  return entries
    .toSorted((a, b) => Math.abs(b.score) - Math.abs(a.score))
    .map((entry) => ({ ...entry, score: toJsonNumber(entry.score, `the score of "${entry.node}"`) }));
}

/** [position?, sources]. @throws AutoCircuitError when the entries are not one for each node of this graph */
export function nodesFromJson(graph: Graph, entries: readonly NodeEntry[], path: string): Tensor<FloatArray> {
  const shape = nodeShape(graph);
  const scores = new Map(
    entries.map(({ node, position = 0, score }) => [`${node}@${position}`, fromJsonNumber(score)]),
  );
  const positions = Array.from({ length: graph.options.positions ?? 1 }, (_, position) => position);
  const data = positions.flatMap((position) => graph.sources.map(({ name }) => scores.get(`${name}@${position}`)));
  if (data.includes(undefined) || entries.length !== data.length) {
    throw new AutoCircuitError({
      code: 'graph-mismatch',
      fields: { path, key: 'nodes' },
      where: 'run',
      what: `${path} does not hold the nodes of this graph`,
      expected: `one entry for each of ${data.length} nodes`,
      got: `${entries.length} entries`,
    });
  }
  return floatTensor(Float64Array.from(data as number[]), shape);
}

/** One float32 tensor `neurons` [position?, sources, dModel]; the metadata `nodes` lists the sources in its order. */
export async function writeNeurons(path: string, graph: Graph, neurons: Tensor<FloatArray>): Promise<void> {
  const data = neurons.data instanceof Float32Array ? neurons.data : Float32Array.from(neurons.data);
  await writeSafetensors(path, [safetensorsSource(NEURONS, neurons.shape, data)], {
    nodes: JSON.stringify(graph.sources.map(({ name }) => name)),
  });
}

/** The tensor that `writeNeurons` wrote, [position?, sources, dModel]. @throws AutoCircuitError for a broken file, or one of another graph */
export function readNeurons(path: string, graph: Graph): Tensor<FloatArray> {
  const file = openSafetensors(path);
  const entry = file.tensors.get(NEURONS);
  const data = entry ? file.read(NEURONS) : null;
  if (!entry || !(data instanceof Float32Array)) {
    throw new AutoCircuitError({
      code: 'invalid-file',
      fields: { path, key: NEURONS },
      where: 'run',
      what: `${path} has no float32 tensor "${NEURONS}"`,
    });
  }
  const neurons = floatTensor(data, entry.shape);
  checkShape(graph, neurons, [graph.layout.dModel]);
  return neurons;
}

const nodeShape = (graph: Graph): number[] => [
  ...(graph.options.positions === null ? [] : [graph.options.positions]),
  graph.sources.length,
];

function checkShape(graph: Graph, { shape, data }: Tensor<FloatArray>, rest: readonly number[]): void {
  const expected = [...nodeShape(graph), ...rest];
  if (shape.join() !== expected.join()) {
    throw new AutoCircuitError({
      code: 'wrong-scores',
      fields: { shape, expectedShape: expected },
      where: 'run',
      what: 'scores of nodes have the wrong shape',
      expected: `[${expected.join(', ')}]`,
      got: `[${shape.join(', ')}]`,
    });
  }
  if (data.some(Number.isNaN))
    throw new AutoCircuitError({ code: 'not-finite', where: 'run', what: 'a score of a node is not a number' });
}
