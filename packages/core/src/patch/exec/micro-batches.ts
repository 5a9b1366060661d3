/** @file Micro-batches: how prompts are cut for single runs, and how what the runs gave is joined again. */

import type { Results } from '../../backend/backend.js';
import type { ModelInput } from '../../prompts/types.js';
import { elementCount, floatTensor, intTensor, type Tensor } from '../../tensor/tensor.js';

/** Prompts `start` to `stop` of a batch. */
export type Cut = readonly [start: number, stop: number];

/** Consecutive pieces of at most `tokens` tokens, at least one prompt each, as even as can be. */
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

export function joinFloats(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0]!;
  const out = new Float32Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** An output as float32; the interpreter may run in float64. */
export function tensorOf(results: Results, name: string): Tensor<Float32Array> {
  const tensor = results[name]!;
  const data = tensor.data instanceof Float32Array ? tensor.data : Float32Array.from(tensor.data);
  return floatTensor(data, tensor.shape);
}
export const floats = (results: Results, name: string): Float32Array => tensorOf(results, name).data;
