/**
 * @file Where an edge's number stands in the score tensors, both ways, and scores as one list in canonical order.
 * Scores go by module (`[position?, head?, sources]`), canonical numbers by destination node, where Q, K and V of a head are neighbours.
 */
import { AutoCircuitError } from '../errors/error.js';
import { didYouMean, nearestNames } from '../errors/names.js';
import { type FloatArray, floatTensor, type Tensor } from '../tensor/tensor.js';
import { blockEdges, scoreShape } from './build.js';
import { checkEdgeNumber } from './edges.js';
import type { Graph, PruneScores } from './types.js';

/** Tables of one position; at position p, numbers shift by p·edgesPerPosition and offsets by p·blockSize. */
export interface ScoreIndex {
  /** Destination block of each edge: [edgesPerPosition] */
  readonly block: Int32Array;
  /** Its flat offset in that block's tensor: [edgesPerPosition] */
  readonly offset: Int32Array;
  /** By block: the canonical number of each entry: [blockSize] each. */
  readonly numbers: readonly Int32Array[];
  /** Entries of each block's tensor at one position: [blocks] */
  readonly blockSize: Int32Array;
  readonly blockByModule: ReadonlyMap<string, number>;
}
/** An edge's place in the scores: the module and the flat offset in the module's whole tensor. */
export interface ScorePlace {
  readonly module: string;
  readonly offset: number;
}
const indexOf = new WeakMap<Graph, ScoreIndex>();

/** The lookup tables of a graph; built at the first call and kept as long as the graph. */
export function scoreIndex(graph: Graph): ScoreIndex {
  const known = indexOf.get(graph);
  if (known) return known;
  const block = new Int32Array(graph.edgesPerPosition);
  const offset = new Int32Array(graph.edgesPerPosition);
  const blockSize = Int32Array.from(graph.destinationBlocks, blockEdges);
  const numbers = graph.destinationBlocks.map((_, b) => new Int32Array(blockSize[b]!));
  let number = 0;
  for (const destination of graph.destinations) {
    const { start, stop } = graph.destinationBlocks[destination.block]!.sources;
    const row = (destination.head ?? 0) * (stop - start);
    for (let source = 0; source < stop - start; source++, number++) {
      block[number] = destination.block;
      offset[number] = row + source;
      numbers[destination.block]![row + source] = number;
    }
  }
  const blockByModule = new Map(graph.destinationBlocks.map((entry, b) => [entry.module, b]));
  const index = Object.freeze({ block, offset, numbers, blockSize, blockByModule });
  indexOf.set(graph, index);
  return index;
}

/** Where the scores hold this edge. */
export function scorePlace(graph: Graph, number: number): ScorePlace {
  checkEdgeNumber(graph, number);
  const { block, offset, blockSize } = scoreIndex(graph);
  const place = number % graph.edgesPerPosition;
  const position = Math.floor(number / graph.edgesPerPosition);
  const b = block[place]!;
  return { module: graph.destinationBlocks[b]!.module, offset: position * blockSize[b]! + offset[place]! };
}

/** The canonical number of the edge at a flat offset of a module's tensor: the inverse of `scorePlace`. */
export function edgeNumberAt(graph: Graph, { module, offset }: ScorePlace): number {
  const { numbers, blockSize, blockByModule } = scoreIndex(graph);
  const b = blockByModule.get(module);
  const size = b === undefined ? 0 : blockSize[b]! * (graph.options.positions ?? 1);
  if (b === undefined || !Number.isInteger(offset) || offset < 0 || offset >= size) {
    throw new AutoCircuitError({
      code: 'wrong-scores',
      fields: { module, offset },
      where: 'graph',
      what: `the scores have no place ${offset} in "${module}"`,
      expected: b === undefined ? 'a destination module of the graph' : `an offset below ${size}`,
      got: b === undefined ? `"${module}"` : `${offset}`,
    });
  }
  const position = Math.floor(offset / blockSize[b]!);
  return position * graph.edgesPerPosition + numbers[b]![offset % blockSize[b]!]!;
}

/** @throws AutoCircuitError for a module too few or too many, a wrong shape, or a score that is not a number. Infinity is one. */
export function checkScores(graph: Graph, scores: PruneScores): void {
  const known = graph.destinationBlocks.map((block) => block.module);
  for (const module of Object.keys(scores)) {
    if (!scoreIndex(graph).blockByModule.has(module)) {
      const nearest = nearestNames(module, known);
      throw new AutoCircuitError({
        code: 'wrong-scores',
        fields: { module, nearest },
        where: 'scores',
        what: `"${module}" is not a destination module of this graph`,
        expected: `${known.length} modules (${known[0]} … ${known.at(-1)})`,
        got: `"${module}"`,
        fix: didYouMean(nearest) || 'check that the scores belong to this model and kind of graph',
      });
    }
  }
  for (const block of graph.destinationBlocks) {
    const tensor = scores[block.module];
    const shape = scoreShape(graph, block);
    if (tensor === undefined) {
      throw new AutoCircuitError({
        code: 'wrong-scores',
        fields: { module: block.module },
        where: 'scores',
        what: `the scores of module "${block.module}" are missing`,
        expected: `a tensor [${shape.join(', ')}]`,
        got: 'none',
      });
    }
    if (tensor.shape.length !== shape.length || shape.some((size, axis) => size !== tensor.shape[axis])) {
      throw new AutoCircuitError({
        code: 'wrong-scores',
        fields: { module: block.module, shape: tensor.shape, expectedShape: shape },
        where: 'scores',
        what: `the scores of module "${block.module}" have the wrong shape`,
        expected: `[${shape.join(', ')}]`,
        got: `[${tensor.shape.join(', ')}]`,
        fix: 'check that the scores belong to this model and kind of graph',
      });
    }
    const bad = tensor.data.findIndex(Number.isNaN);
    if (bad >= 0) {
      throw new AutoCircuitError({
        code: 'wrong-scores',
        fields: { module: block.module, offset: bad },
        where: 'scores',
        what: `the scores of module "${block.module}" hold a value that is not a number`,
        expected: 'numbers (∞ is one)',
        got: `NaN at place ${bad}`,
      });
    }
  }
}

/** All scores in canonical order: [edgeCount]. Checks them first. */
export function flattenScores(graph: Graph, scores: PruneScores): Float64Array {
  checkScores(graph, scores);
  const flat = new Float64Array(graph.edgeCount);
  eachEntry(graph, (module) => {
    const { data } = scores[module]!;
    return (offset, number) => {
      flat[number] = data[offset]!;
    };
  });
  return flat;
}

/** Scores by module from a list in canonical order [edgeCount]; float32 from a Float32Array, else float64. */
export function unflattenScores(graph: Graph, flat: FloatArray | readonly number[]): PruneScores {
  if (flat.length !== graph.edgeCount) {
    throw new AutoCircuitError({
      code: 'wrong-scores',
      fields: { count: flat.length, edgeCount: graph.edgeCount },
      where: 'scores',
      what: 'the list of scores does not fit the graph',
      expected: `${graph.edgeCount} numbers`,
      got: `${flat.length}`,
    });
  }
  const scores: Record<string, Tensor<FloatArray>> = {};
  for (const block of graph.destinationBlocks) {
    const size = blockEdges(block) * (graph.options.positions ?? 1);
    const data = flat instanceof Float32Array ? new Float32Array(size) : new Float64Array(size);
    scores[block.module] = floatTensor<FloatArray>(data, scoreShape(graph, block));
  }
  eachEntry(graph, (module) => {
    const { data } = scores[module]!;
    return (offset, number) => {
      data[offset] = flat[number]!;
    };
  });
  return Object.freeze(scores);
}

/** Visits every place of every module's tensor with the edge's number; the outer function runs once for each module. */
function eachEntry(graph: Graph, visitor: (module: string) => (offset: number, number: number) => void): void {
  const { numbers } = scoreIndex(graph);
  for (const [b, { module }] of graph.destinationBlocks.entries()) {
    const entries = numbers[b]!;
    const visit = visitor(module);
    for (let position = 0; position < (graph.options.positions ?? 1); position++) {
      for (let i = 0; i < entries.length; i++) {
        visit(position * entries.length + i, position * graph.edgesPerPosition + entries[i]!);
      }
    }
  }
}
