/** @file How trained numbers of all edges lie in one list: in the order of the score tensors, module after module. */
import {
  elementCount,
  type FloatArray,
  floatTensor,
  type Graph,
  scorePlace,
  scoreShape,
  type Tensor,
} from '@auto-circuit/core/plugin';

/** The place of one destination module in the list. */
export interface BlockRange {
  readonly module: string;
  /** The module's numbers are `start` to `stop` of the list. */
  readonly start: number;
  readonly stop: number;
  /** [position?, head?, sources] */
  readonly shape: readonly number[];
  /** The first of its sources. */
  readonly firstSource: number;
}

/** Where each module's edges stand in the list. */
export function blockRanges(graph: Graph): BlockRange[] {
  let start = 0;
  return graph.destinationBlocks.map((block) => {
    const shape = scoreShape(graph, block);
    const range = {
      module: block.module,
      start,
      stop: start + elementCount(shape),
      shape,
      firstSource: block.sources.start,
    };
    start = range.stop;
    return range;
  });
}

/** Where an edge (canonical number) stands in the list. */
export function placeOf(graph: Graph, edge: number): number {
  const { module, offset } = scorePlace(graph, edge);
  return blockRanges(graph).find((range) => range.module === module)!.start + offset;
}

/** [samples, edges] to a tensor for each module: [samples, …], or […] for one sample without that axis. */
export function tensorsByModule(
  graph: Graph,
  values: Float32Array,
  samples: number | null,
): Readonly<Record<string, Tensor<FloatArray>>> {
  const tensors: Record<string, Tensor<FloatArray>> = {};
  for (const { module, start, stop, shape } of blockRanges(graph)) {
    const data = new Float32Array((samples ?? 1) * (stop - start));
    for (let sample = 0; sample < (samples ?? 1); sample++) {
      const row = sample * graph.edgeCount;
      data.set(values.subarray(row + start, row + stop), sample * (stop - start));
    }
    tensors[module] = floatTensor<FloatArray>(data, samples === null ? shape : [samples, ...shape]);
  }
  return tensors;
}

/** Source node of each edge of the list, by position where edges have one: position · sources + source. [edges] */
export function sourceOfEach(graph: Graph): Int32Array {
  const out = new Int32Array(graph.edgeCount);
  for (const { start, stop, shape, firstSource } of blockRanges(graph)) {
    const sources = shape.at(-1)!;
    const perPosition = (stop - start) / (graph.options.positions ?? 1);
    for (let i = 0; i < stop - start; i++) {
      const position = Math.floor(i / perPosition);
      out[start + i] = position * graph.sources.length + firstSource + (i % sources);
    }
  }
  return out;
}
