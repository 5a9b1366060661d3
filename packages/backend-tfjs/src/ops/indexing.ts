/**
 * @file Gather and its adjoint along one axis, with the data as `[before, size, after]`: no batch axes of tfjs's own (wrong
 * on WebAssembly), no segment sums (missing there), and every index checked (TensorFlow on a card does not).
 */
import { AutoCircuitError, elementCount } from '@auto-circuit/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Call } from './call.js';
import { around, permuted, reshaped } from './layout.js';

function checkIndices(indices: Tensor, size: number): void {
  for (const index of indices.dataSync()) {
    if (index >= 0 && index < size) continue;
    throw new AutoCircuitError({
      where: 'backend-tfjs',
      what: 'an index is out of range',
      expected: `0 to ${size - 1}`,
      got: `${index}`,
    });
  }
}

export function gather({ runtime: { tf }, attributes: { axis }, inputs, shape }: Call<'gather'>): Tensor {
  const [x, indices] = inputs as [Tensor, Tensor];
  const folded = around(x.shape, axis);
  checkIndices(indices, folded[1]);
  const flat = tf.reshape(indices, [indices.size]) as Tensor & { readonly rankType: '1' };
  return reshaped(tf, tf.gather(reshaped(tf, x, folded), flat as never, 1), shape);
}

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
