/**
 * @file What a process keeps of the prompts that it scored, where several share them: sums of whole chunks, and the prompts
 * of chunks that it has only a piece of. `ScoreAccumulator.addPart` puts the parts together to the same bits.
 */
import { scoreShape } from '../graph/build.js';
import type { Graph } from '../graph/types.js';
import type { CheckpointData } from '../plugin/checkpoint.js';
import { elementCount } from '../tensor/tensor.js';
import type { CheckpointReader } from '../training/checkpoint-reader.js';
import { EdgeSample } from './edge-sample.js';
import { checkedPrompts, type PromptScores } from './prompt-scores.js';

/** Prompts that are summed by themselves: as few as a batch often has, so that shares of whole batches hold whole chunks. */
export const PROMPTS_IN_CHUNK = 8;

const NAMES = { head: 'head/', chunkSums: 'chunk-sums/', chunkSquares: 'chunk-squares/', tail: 'tail/' } as const;

/** How [first, first + prompts) lies to the chunks. */
interface Cuts {
  /** Prompts before the first whole chunk, whole chunks, and prompts after the last one. */
  readonly head: number;
  readonly chunks: number;
  readonly tail: number;
}
function cutsOf(first: number, prompts: number): Cuts {
  const head = Math.min(prompts, (PROMPTS_IN_CHUNK - (first % PROMPTS_IN_CHUNK)) % PROMPTS_IN_CHUNK);
  const chunks = Math.floor((prompts - head) / PROMPTS_IN_CHUNK);
  return { head, chunks, tail: prompts - head - chunks * PROMPTS_IN_CHUNK };
}

/** One module's numbers. */
interface ModulePart {
  readonly module: string;
  readonly head: Float64Array; // [head prompts · size]
  readonly chunkSums: Float64Array; // [chunks · size]
  readonly chunkSquares: Float64Array; // [chunks · size]
  readonly tail: Float64Array; // [tail prompts · size]
}

/** Sums over a run of prompts that follow each other, not the first of all perhaps. */
export class PromptPart {
  readonly graph: Graph;
  readonly #first: number;
  readonly #cuts: Cuts;
  readonly #modules: readonly ModulePart[];
  readonly #sample: EdgeSample;
  #added = 0;

  /**
   * @param first how many prompts come before these
   * @param prompts how many will be added
   */
  constructor(graph: Graph, first: number, prompts: number) {
    this.graph = graph;
    this.#first = first;
    this.#cuts = cutsOf(first, prompts);
    this.#sample = new EdgeSample(graph);
    const { head, chunks, tail } = this.#cuts;
    this.#modules = graph.destinationBlocks.map((block): ModulePart => {
      const size = elementCount(scoreShape(graph, block));
      const numbers = (count: number) => new Float64Array(count * size);
      const chunkSquares = numbers(chunks);
      return {
        module: block.module,
        head: numbers(head),
        chunkSums: numbers(chunks),
        chunkSquares,
        tail: numbers(tail),
      };
    });
  }

  /** Prompts added so far. */
  get prompts(): number {
    return this.#added;
  }

  /** Adds the prompts of one batch, in its order. Throws like `ScoreAccumulator.add`. */
  add(gradients: PromptScores): void {
    const prompts = checkedPrompts(this.graph, gradients);
    for (const part of this.#modules) {
      const { data } = gradients.tensors[part.module]!; // [prompts, position?, head?, sources]
      const size = prompts === 0 ? 0 : data.length / prompts;
      for (let p = 0; p < prompts; p++) this.#addRow(part, this.#added + p, data.subarray(p * size, (p + 1) * size));
      this.#sample.add(part.module, data, prompts);
    }
    this.#added += prompts;
  }

  /** @param row [size], of the prompt that is `at` among those of this part */
  #addRow({ head, chunkSums, chunkSquares, tail }: ModulePart, at: number, row: ArrayLike<number>): void {
    const { head: before, chunks } = this.#cuts;
    const inChunks = at - before;
    if (inChunks < 0) {
      head.set(row, at * row.length);
      return;
    }
    if (inChunks >= chunks * PROMPTS_IN_CHUNK) {
      tail.set(row, (inChunks - chunks * PROMPTS_IN_CHUNK) * row.length);
      return;
    }
    const from = Math.floor(inChunks / PROMPTS_IN_CHUNK) * row.length;
    for (let i = 0; i < row.length; i++) {
      chunkSums[from + i]! += row[i]!;
      chunkSquares[from + i]! += row[i]! * row[i]!;
    }
  }

  /** What to keep of it, finished or not. */
  toCheckpoint(): CheckpointData {
    const arrays: Record<string, Float64Array> = {};
    for (const part of this.#modules) {
      for (const [name, prefix] of Object.entries(NAMES)) {
        arrays[prefix + part.module] = part[name as keyof typeof NAMES].slice();
      }
    }
    return {
      state: { first: this.#first, prompts: this.#added },
      arrays: { ...arrays, ...this.#sample.toCheckpoint() },
    };
  }

  /**
   * Goes on from what `toCheckpoint` gave. @param prompts how many must have been added
   * @throws AutoCircuitError `wrong-checkpoint`
   */
  restore(reader: CheckpointReader, prompts: number): void {
    this.#added = reader.count('prompts', prompts, prompts);
    reader.count('first', this.#first, this.#first);
    for (const part of this.#modules) {
      for (const [name, prefix] of Object.entries(NAMES)) {
        const own = part[name as keyof typeof NAMES];
        own.set(reader.array(prefix + part.module, { length: own.length, values: 'any' }));
      }
    }
    this.#sample.restore(reader, prompts);
  }
}

/** A part as it was kept. */
export interface KeptPart {
  readonly modules: readonly ModulePart[];
  /** How many prompts come before the first of the tails. */
  readonly tailStart: number;
}

/**
 * Reads a finished part, all but its sample.
 * @param first how many prompts come before it; `prompts` how many it has
 * @throws AutoCircuitError `wrong-checkpoint`
 */
export function readPromptPart(graph: Graph, reader: CheckpointReader, first: number, prompts: number): KeptPart {
  reader.count('first', first, first);
  reader.count('prompts', prompts, prompts);
  const { head, chunks, tail } = cutsOf(first, prompts);
  const modules = graph.destinationBlocks.map((block): ModulePart => {
    const { module } = block;
    const size = elementCount(scoreShape(graph, block));
    const read = (prefix: string, count: number, least = {}) =>
      reader.array(prefix + module, { length: count * size, values: 'number', ...least });
    const chunkSquares = read(NAMES.chunkSquares, chunks, { least: 0 });
    const chunkSums = reader.array(NAMES.chunkSums + module, { length: chunks * size, values: 'any' });
    // infinite scores, even of both signs, have an infinite sum of squares
    const bad = chunkSums.findIndex((sum, i) => !Number.isFinite(sum) && Number.isFinite(chunkSquares[i]));
    if (bad >= 0) throw reader.refused(NAMES.chunkSums + module, 'finite numbers', `${chunkSums[bad]} at index ${bad}`);
    return { module, head: read(NAMES.head, head), chunkSums, chunkSquares, tail: read(NAMES.tail, tail) };
  });
  return { modules, tailStart: first + prompts - tail };
}
