/**
 * @file Gather and its adjoint along one axis, with the data as `[before, size, after]`. The batch axes of tfjs's own gather give
 * wrong numbers on WebAssembly, and segment sums are missing there. Every index is checked: TensorFlow on a GPU does not do it.
 */
import { elementCount } from '@auto-circuit/core/backend';
import type { Tensor, Tensor1D } from '@tensorflow/tfjs-core';
import type { Call } from './call.js';
import { around, permuted, reshaped } from './layout.js';

/** An index that is out of range; whoever runs the program adds its name and the value where it happened. */
export class IndexError extends Error {
  readonly index: number;
  readonly size: number;
  constructor(index: number, size: number) {
    super(`index ${index} is out of range 0 to ${size - 1}`);
    this.index = index;
    this.size = size;
  }
}

function checkIndices(indices: Tensor, size: number): void {
  for (const index of indices.dataSync()) {
    if (index < 0 || index >= size) throw new IndexError(index, size);
  }
}

/** The op `gather`. @throws IndexError */
export function gather({ runtime: { tf }, attributes: { axis }, inputs, shape }: Call<'gather'>): Tensor {
  const [x, indices] = inputs as [Tensor, Tensor];
  const folded = around(x.shape, axis);
  checkIndices(indices, folded[1]);
  const flat = reshaped(tf, indices, [indices.size]);
  return reshaped(tf, tf.gather(reshaped(tf, x, folded), flat as Tensor1D, 1), shape);
}

/** The op `scatterAdd`. @throws IndexError */
export function scatterAdd({ runtime: { tf }, attributes: { axis }, inputs, shape }: Call<'scatterAdd'>): Tensor {
  const [updates, indices] = inputs as [Tensor, Tensor];
  const [before, size, after] = around(shape, axis);
  checkIndices(indices, size);
  const count = elementCount(indices.shape);
  const rows = reshaped(tf, permuted(tf, reshaped(tf, updates, [before, count, after]), [1, 0, 2]), [
    count,
    before * after,
  ]);
  const sums = tf.scatterND(reshaped(tf, indices, [count, 1]), rows, [size, before * after]);
  return reshaped(tf, permuted(tf, reshaped(tf, sums, [size, before, after]), [1, 0, 2]), shape);
}
