/** @file Micro-batches: how prompts are cut for single runs, and how what the runs gave is joined again. */

import type { Results } from '../../backend/backend.js';
import type { ModelInput } from '../../prompts/types.js';
import { elementCount, floatTensor, intTensor, type Tensor } from '../../tensor/tensor.js';

/** Prompts `start` to `stop` of a batch. */
export type Cut = readonly [start: number, stop: number];

/** Tokens (prompts × positions) of one run. Results do not depend on them. */
export interface TokenBudget {
  /** Of a plain run. */
  readonly plain: number;
  /** Of a run whose edge sums take in every source. */
  readonly patched: number;
  /** Of a run whose edge sums take in so many sources. */
  forSources(sources: number): number;
}

/** A plain run is as fast with this many tokens as with more, and needs less memory: of a model of this width, or wider. */
const PLAIN_TOKENS = 256;
const PLAIN_WIDTH = 768;
/** Activation differences of a micro-batch that stay in the processor's cache are summed twice as fast (docs/performance.md). */
const DIFFERENCE_BYTES = 96 * 2 ** 20;

/**
 * The tokens of one run of a model.
 * @param always so many in every run, whatever it sums
 */
export function tokenBudget(sources: number, dModel: number, always?: number): TokenBudget {
  // Narrow models have less to do at a token: they take so many more at once.
  const plain = PLAIN_TOKENS * Math.max(1, Math.floor(PLAIN_WIDTH / dModel));
  const forSources = (count: number): number =>
    always ?? Math.min(plain, Math.max(1, Math.floor(DIFFERENCE_BYTES / (4 * dModel * Math.max(1, count)))));
  return { plain: always ?? plain, patched: forSources(sources), forSources };
}

/** Prompts of a length in consecutive pieces of at most `tokens` tokens, at least one prompt each, as even as can be. */
export function cutsOf(prompts: number, length: number, tokens: number): Cut[] {
  const most = Math.max(1, Math.floor(tokens / Math.max(1, length)));
  const pieces = Math.ceil(prompts / most);
  return Array.from(
    { length: pieces },
    (_, i) => [Math.floor((i * prompts) / pieces), Math.floor(((i + 1) * prompts) / pieces)] as const,
  );
}

/** Rows `start` to `stop` of a model's input, not copied. */
export function sliceRows(input: ModelInput, start: number, stop: number): Tensor {
  const shape = [stop - start, ...input.shape.slice(1)];
  const row = elementCount(input.shape.slice(1));
  const { data } = input;
  return data instanceof Int32Array
    ? intTensor(data.subarray(start * row, stop * row), shape)
    : floatTensor((data as Float32Array).subarray(start * row, stop * row), shape);
}

/** Arrays one after the other; one alone is not copied. */
export function joinFloats(chunks: readonly Float32Array[]): Float32Array {
  if (chunks.length === 1) return chunks[0]!;
  const out = new Float32Array(chunks.reduce((n, chunk) => n + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}

/** An output as float32; the interpreter may run in float64. */
export function tensorOf(results: Results, name: string): Tensor<Float32Array> {
  const tensor = results[name]!;
  const data = tensor.data instanceof Float32Array ? tensor.data : Float32Array.from(tensor.data);
  return floatTensor(data, tensor.shape);
}
/** The numbers of an output as float32. */
export const floats = (results: Results, name: string): Float32Array => tensorOf(results, name).data;
