/** @file Each prompt's score of some edges, spread evenly over the graph: what the factor of error bars is calibrated on. */
import { scoreShape } from '../graph/build.js';
import type { Graph } from '../graph/types.js';
import { elementCount } from '../tensor/tensor.js';
import type { CheckpointReader } from '../training/checkpoint-reader.js';
import { calibratedFactor } from './interval-factor.js';

/** Their factor moves by about 2 % with other edges, and 10,000 prompts take 20 MB. */
const EDGES = 256;
const SAMPLE = 'sample/';

/** The edges of one module that are sampled: their indices into its scores, and [prompts · indices] values, by prompt. */
interface Sampled {
  readonly indices: readonly number[];
  readonly values: number[];
}

/** Prompt by prompt scores of at most 256 edges. */
export class EdgeSample {
  readonly #modules = new Map<string, Sampled>();

  constructor(graph: Graph) {
    const sizes = graph.destinationBlocks.map((block) => elementCount(scoreShape(graph, block)));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const wanted = Math.min(total, EDGES);
    let first = 0;
    let next = 0; // the next sampled edge is number ⌊next · total / wanted⌋ of all
    for (const [i, { module }] of graph.destinationBlocks.entries()) {
      const indices: number[] = [];
      for (; next < wanted && Math.floor((next * total) / wanted) < first + sizes[i]!; next++) {
        indices.push(Math.floor((next * total) / wanted) - first);
      }
      if (indices.length > 0) this.#modules.set(module, { indices, values: [] });
      first += sizes[i]!;
    }
  }

  /** @param data one prompt after the other, [prompts · size] */
  add(module: string, data: ArrayLike<number>, prompts: number): void {
    const sampled = this.#modules.get(module);
    if (!sampled) return;
    const size = data.length / prompts;
    for (let p = 0; p < prompts; p++) for (const index of sampled.indices) sampled.values.push(data[p * size + index]!);
  }

  /** How many standard errors hold the mean in 95 of 100 cases. */
  factor(): number {
    const rows = [...this.#modules.values()].flatMap(({ indices, values }) =>
      indices.map((_, k) => values.filter((_value, at) => at % indices.length === k)),
    );
    return calibratedFactor(rows);
  }

  toCheckpoint(): Record<string, Float64Array> {
    return Object.fromEntries(
      [...this.#modules].map(([module, { values }]) => [SAMPLE + module, Float64Array.from(values)]),
    );
  }

  /** @throws AutoCircuitError `wrong-checkpoint` */
  restore(reader: CheckpointReader, prompts: number): void {
    for (const { values } of this.#modules.values()) values.length = 0;
    this.append(reader, prompts);
  }

  /** Adds what another sample kept of the `prompts` that come next. @throws AutoCircuitError `wrong-checkpoint` */
  append(reader: CheckpointReader, prompts: number): void {
    for (const [module, { indices, values }] of this.#modules) {
      const kept = reader.array(SAMPLE + module, { length: prompts * indices.length, values: 'number' });
      for (const value of kept) values.push(value);
    }
  }
}
