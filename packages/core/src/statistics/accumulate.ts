/**
 * @file Adds up gradients prompt by prompt in float64, so that scores depend neither on batches nor on micro-batches.
 *
 * @example
 * const total = new ScoreAccumulator(graph, context);
 * for (const batch of batches) total.add(await model.maskGradient(batch, request));
 * const { scores, standardErrors } = total.result();
 */
import { AutoCircuitError } from '../errors/error.js';
import { scoreShape } from '../graph/build.js';
import type { Graph, PruneScores } from '../graph/types.js';
import type { CheckpointData } from '../plugin/checkpoint.js';
import type { PromptScoreSink } from '../plugin/prompt-scores.js';
import type { PruneResult } from '../plugin/prune-algo.js';
import { elementCount, type FloatArray, floatTensor, type Tensor } from '../tensor/tensor.js';
import { CheckpointReader } from '../training/checkpoint-reader.js';
import { EdgeSample } from './edge-sample.js';
import { PROMPTS_IN_CHUNK, readPromptPart } from './prompt-part.js';
import { checkedPrompts, type PromptScores } from './prompt-scores.js';

const SUM = 'sum/';
const SQUARES = 'squares/';
const CHUNK_SUM = 'chunk-sum/';
const CHUNK_SQUARES = 'chunk-squares/';

/** Who is told of each prompt's scores beside their sums: a context of an algorithm will do. */
export interface ScoreWatcher {
  readonly byPrompt?: PromptScoreSink | undefined;
}

/**
 * Mean scores over prompts and their standard errors; prompts are added in the order they come. Every eight prompts are
 * summed by themselves and their sum is added to the others, so that processes that share the prompts come to the same bits.
 */
export class ScoreAccumulator {
  readonly graph: Graph;
  #prompts = 0;
  readonly #sums = new Map<string, Float64Array>();
  readonly #squares = new Map<string, Float64Array>();
  readonly #chunkSums = new Map<string, Float64Array>(); // of the prompts since the last whole chunk
  readonly #chunkSquares = new Map<string, Float64Array>();
  readonly #sample: EdgeSample;
  readonly #byPrompt: PromptScoreSink | undefined;

  /** @param watcher the algorithm's context, so that runs can keep the scores of single prompts */
  constructor(graph: Graph, { byPrompt }: ScoreWatcher = {}) {
    this.graph = graph;
    this.#byPrompt = byPrompt;
    this.#sample = new EdgeSample(graph);
    for (const block of graph.destinationBlocks) {
      const size = elementCount(scoreShape(graph, block));
      this.#sums.set(block.module, new Float64Array(size));
      this.#squares.set(block.module, new Float64Array(size));
      this.#chunkSums.set(block.module, new Float64Array(size));
      this.#chunkSquares.set(block.module, new Float64Array(size));
    }
  }

  /** Prompts added so far. */
  get prompts(): number {
    return this.#prompts;
  }

  /**
   * Adds the prompts of one batch, in its order.
   * @throws AutoCircuitError when a module is missing, a shape is wrong or a number is NaN; then nothing has been added
   */
  add(gradients: PromptScores): void {
    const prompts = checkedPrompts(this.graph, gradients);
    this.#byPrompt?.keep(this.#prompts, gradients.tensors);
    for (const block of this.graph.destinationBlocks) {
      const { data } = gradients.tensors[block.module]!; // [prompts, position?, head?, sources]
      this.#addRows(block.module, data, this.#prompts);
      this.#sample.add(block.module, data, prompts);
    }
    this.#prompts += prompts;
  }

  /** @param data [prompts · size], of prompts of which the first has `before` others before it */
  #addRows(module: string, data: ArrayLike<number>, before: number): void {
    const sums = this.#chunkSums.get(module)!; // [position?, head?, sources]
    const squares = this.#chunkSquares.get(module)!;
    for (let at = 0, prompts = before + 1; at < data.length; prompts++) {
      for (let i = 0; i < sums.length; i++, at++) {
        const value = data[at]!;
        sums[i]! += value;
        squares[i]! += value * value;
      }
      if (prompts % PROMPTS_IN_CHUNK !== 0) continue;
      this.#addChunk(module, sums, squares);
      sums.fill(0);
      squares.fill(0);
    }
  }

  #addChunk(module: string, sums: Float64Array, squares: Float64Array): void {
    const allSums = this.#sums.get(module)!;
    const allSquares = this.#squares.get(module)!;
    for (let i = 0; i < allSums.length; i++) {
      allSums[i]! += sums[i]!;
      allSquares[i]! += squares[i]!;
    }
  }

  /**
   * Adds what `PromptPart` kept of the prompts that follow those added so far: the same bits as adding these themselves.
   * @param prompts how many they are
   * @throws AutoCircuitError `wrong-checkpoint` when it is of another graph or other prompts, or damaged
   */
  addPart(reader: CheckpointReader, prompts: number): void {
    const part = readPromptPart(this.graph, reader, this.#prompts, prompts);
    for (const { module, head, chunkSums, chunkSquares, tail } of part.modules) {
      const size = this.#sums.get(module)!.length;
      this.#addRows(module, head, this.#prompts);
      for (let at = 0; at < chunkSums.length; at += size) {
        this.#addChunk(module, chunkSums.subarray(at, at + size), chunkSquares.subarray(at, at + size));
      }
      this.#addRows(module, tail, part.tailStart);
    }
    this.#sample.append(reader, prompts);
    this.#prompts += prompts;
  }

  /**
   * Means over prompts, and the standard errors of those means, √(Σ(x − x̄)² / (n(n − 1))) — left out for a single prompt.
   * Both in float32, the precision of score files. With them the number of standard errors that reach to each side in 95 of
   * 100 samples (`calibratedFactor`), which is more than 1.96 where prompts are few; left out where no number does.
   */
  result(): PruneResult {
    const n = this.#prompts;
    if (n === 0) {
      throw new AutoCircuitError({
        code: 'internal',
        where: 'run',
        what: 'there are no prompts to average scores over',
        kind: 'internal',
      });
    }
    const scores = this.#map((sum) => sum / n);
    if (n === 1) return { scores };
    const standardErrors = this.#map((sum, square) => Math.sqrt(Math.max(0, square - (sum * sum) / n) / (n * (n - 1))));
    const intervalFactor = this.#sample.factor();
    return { scores, standardErrors, ...(Number.isFinite(intervalFactor) ? { intervalFactor } : {}) };
  }

  #map(make: (sum: number, square: number) => number): PruneScores {
    const tensors: Record<string, Tensor<FloatArray>> = {};
    for (const block of this.graph.destinationBlocks) {
      const [sums, squares] = [this.#sums.get(block.module)!, this.#squares.get(block.module)!];
      const [sum, square] = [this.#chunkSums.get(block.module)!, this.#chunkSquares.get(block.module)!];
      const data = Float32Array.from(sums, (whole, i) => make(whole + sum[i]!, squares[i]! + square[i]!));
      tensors[block.module] = floatTensor(data, scoreShape(this.graph, block));
    }
    return Object.freeze(tensors);
  }

  /** What a checkpoint keeps; `fromCheckpoint` of it goes on bit for bit. */
  toCheckpoint(): CheckpointData {
    const arrays: Record<string, Float64Array> = {};
    for (const [prefix, sums] of this.#kept()) {
      for (const [module, own] of sums) arrays[prefix + module] = own.slice();
    }
    return { state: { prompts: this.#prompts }, arrays: { ...arrays, ...this.#sample.toCheckpoint() } };
  }

  #kept(): readonly (readonly [prefix: string, sums: Map<string, Float64Array>])[] {
    return [
      [SUM, this.#sums],
      [SQUARES, this.#squares],
      [CHUNK_SUM, this.#chunkSums],
      [CHUNK_SQUARES, this.#chunkSquares],
    ];
  }

  /**
   * @param from a reader where the checkpoint holds more than sums: what is read here is not foreign to it
   * @param prompts how many prompts must have been added; default: any number
   * @param watcher as in the constructor
   * @throws AutoCircuitError `wrong-checkpoint` when it is of another graph, not of an accumulator, or damaged
   */
  static fromCheckpoint(
    graph: Graph,
    from: CheckpointData | CheckpointReader,
    prompts?: number,
    watcher: ScoreWatcher = {},
  ): ScoreAccumulator {
    const reader = from instanceof CheckpointReader ? from : new CheckpointReader('run', from);
    const accumulator = new ScoreAccumulator(graph, watcher);
    accumulator.#prompts = reader.count('prompts', prompts ?? Number.MAX_SAFE_INTEGER, prompts);
    accumulator.#restore(reader, SUM, accumulator.#sums, SQUARES, accumulator.#squares);
    accumulator.#restore(reader, CHUNK_SUM, accumulator.#chunkSums, CHUNK_SQUARES, accumulator.#chunkSquares);
    accumulator.#sample.restore(reader, accumulator.#prompts);
    return accumulator;
  }

  #restore(
    reader: CheckpointReader,
    sumPrefix: string,
    allSums: ReadonlyMap<string, Float64Array>,
    squarePrefix: string,
    allSquares: ReadonlyMap<string, Float64Array>,
  ): void {
    for (const [module, own] of allSquares) {
      own.set(reader.array(squarePrefix + module, { length: own.length, values: 'number', least: 0 }));
    }
    for (const [module, own] of allSums) {
      const sums = reader.array(sumPrefix + module, { length: own.length, values: 'any' });
      const squares = allSquares.get(module)!;
      // infinite scores, even of both signs, have an infinite sum of squares
      const bad = sums.findIndex((sum, i) => !Number.isFinite(sum) && Number.isFinite(squares[i]));
      if (bad >= 0) throw reader.refused(sumPrefix + module, 'finite numbers', `${sums[bad]} at index ${bad}`);
      own.set(sums);
    }
  }
}

/**
 * Adds the same prompts at several points (of an integral, of samples) and gives each prompt's mean over the points, to be
 * added to a `ScoreAccumulator`: the standard error is over prompts, so points are averaged first.
 */
export class PointAccumulator {
  readonly graph: Graph;
  #points = 0;
  #prompts = 0;
  #sums: ReadonlyMap<string, Float64Array> = new Map();

  constructor(graph: Graph) {
    this.graph = graph;
  }

  /** Adds one point of all prompts of the batch. Throws like `ScoreAccumulator.add`. */
  add(gradients: PromptScores): void {
    const prompts = checkedPrompts(this.graph, gradients);
    if (this.#points === 0) {
      this.#prompts = prompts;
      this.#sums = new Map(
        this.graph.destinationBlocks.map(({ module }) => [
          module,
          new Float64Array(gradients.tensors[module]!.data.length),
        ]),
      );
    } else if (prompts !== this.#prompts) {
      throw new AutoCircuitError({
        code: 'internal',
        where: 'run',
        what: 'the points of one batch have different numbers of prompts',
        expected: `${this.#prompts}`,
        got: `${prompts}`,
        kind: 'internal',
      });
    }
    for (const [module, sums] of this.#sums) {
      const { data } = gradients.tensors[module]!;
      for (let i = 0; i < sums.length; i++) sums[i]! += data[i]!;
    }
    this.#points++;
  }

  /** Each prompt's mean over the points added. */
  mean(): PromptScores {
    if (this.#points === 0) {
      throw new AutoCircuitError({
        code: 'internal',
        where: 'run',
        what: 'there are no points to average over',
        kind: 'internal',
      });
    }
    const tensors: Record<string, Tensor<FloatArray>> = {};
    for (const block of this.graph.destinationBlocks) {
      const data = this.#sums.get(block.module)!.map((sum) => sum / this.#points);
      tensors[block.module] = floatTensor(data, [this.#prompts, ...scoreShape(this.graph, block)]);
    }
    return { tensors };
  }
}
