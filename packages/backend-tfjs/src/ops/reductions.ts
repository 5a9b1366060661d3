/**
 * @file Sums, means, maxima, softmax. Neighbouring axes that are all reduced, or none of them, are joined into one. Where a runtime
 * adds one number after the other in float32 (WebAssembly), long sums are made of short ones, as other runtimes do by themselves.
 */
import { elementCount } from '@auto-circuit/core/backend';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Runtime } from '../runtime/runtime.js';
import type { Tf } from '../runtime/tf.js';
import type { Call, Kernel } from './call.js';
import { around, permuted, reshaped } from './layout.js';

/** Reduces axes of a tensor of which no two are neighbours. */
type Reduce = (runtime: Runtime, x: Tensor, axes: number[]) => Tensor;

/** At most this many numbers are added one after the other. */
const SHORT_SUM = 64;

const reduction =
  (reduce: Reduce): Kernel<'sum' | 'max' | 'mean'> =>
  ({ runtime, attributes, inputs: [x], shape }) => {
    const folded: number[] = [];
    const axes: number[] = [];
    let last: boolean | undefined;
    x!.shape.forEach((size, axis) => {
      if (size === 1) return;
      const reduced = attributes.axes.includes(axis);
      if (reduced === last) folded.push(folded.pop()! * size);
      else {
        if (reduced) axes.push(folded.length);
        folded.push(size);
      }
      last = reduced;
    });
    const { tf } = runtime;
    if (axes.length === 0) return reshaped(tf, x!, shape);
    return reshaped(tf, reduce(runtime, reshaped(tf, x!, folded), axes), shape);
  };

function sumOf({ tf, traits }: Runtime, x: Tensor, axes: number[]): Tensor {
  if (!traits.plainSums || x.dtype !== 'float32') return tf.sum(x, axes);
  let rest = x;
  for (const axis of [...axes].reverse()) {
    const [before, size, after] = around(rest.shape, axis);
    const left = rest.shape.filter((_, i) => i !== axis);
    rest = reshaped(tf, sumOfMiddle(tf, reshaped(tf, rest, [before, size, after])), left);
  }
  return rest;
}

const NONE: [number, number] = [0, 0];
/** [before, size, after] to [before, after]: blocks of about √size numbers, and their sums. */
function sumOfMiddle(tf: Tf, x: Tensor): Tensor {
  const [before, size, after] = x.shape as [number, number, number];
  if (size <= SHORT_SUM) return tf.sum(x, 1);
  const block = Math.ceil(Math.sqrt(size));
  const blocks = Math.ceil(size / block);
  const whole = blocks * block === size ? x : tf.pad(x, [NONE, [0, blocks * block - size], NONE]);
  const partial = tf.sum(reshaped(tf, whole, [before * blocks, block, after]), 1);
  return sumOfMiddle(tf, reshaped(tf, partial, [before, blocks, after]));
}

/** The op `sum`. */
export const sum = reduction(sumOf);
/** The op `max`. */
export const max = reduction(({ tf }, x, axes) => tf.max(x, axes));
/** The op `mean`. */
export const mean = reduction((runtime, x, axes) => {
  const { tf, traits } = runtime;
  if (!traits.plainSums) return tf.mean(x, axes);
  return tf.div(sumOf(runtime, x, axes), elementCount(axes.map((axis) => x.shape[axis]!)));
});

/** tfjs normalises the last axis only. */
const alongAxis =
  (normalise: (runtime: Runtime, x: Tensor) => Tensor) =>
  ({ runtime, attributes, inputs, shape }: Call<'softmax'> | Call<'logSoftmax'>): Tensor => {
    const { tf } = runtime;
    const folded = reshaped(tf, inputs[0]!, around(shape, attributes.axis)); // [before, size, after]
    const back = permuted(tf, normalise(runtime, permuted(tf, folded, [0, 2, 1])), [0, 2, 1]);
    return reshaped(tf, back, shape);
  };
/** x − max, and the sum of its exponentials, over the last of three axes. */
function exponentials(runtime: Runtime, x: Tensor): { shifted: Tensor; exp: Tensor; total: Tensor } {
  const { tf } = runtime;
  const shifted = tf.sub(x, tf.max(x, 2, true));
  const exp = tf.exp(shifted);
  return { shifted, exp, total: reshaped(tf, sumOf(runtime, exp, [2]), [...x.shape.slice(0, 2), 1]) };
}
const isLong = ({ traits }: Runtime, x: Tensor): boolean => traits.plainSums && x.shape[2]! > SHORT_SUM;

/** The op `softmax`. */
export const softmax = alongAxis((runtime, x) => {
  if (!isLong(runtime, x)) return runtime.tf.softmax(x);
  const { exp, total } = exponentials(runtime, x);
  return runtime.tf.div(exp, total);
});
/** The op `logSoftmax`. */
export const logSoftmax = alongAxis((runtime, x) => {
  if (!isLong(runtime, x)) return runtime.tf.logSoftmax(x);
  const { shifted, total } = exponentials(runtime, x);
  return runtime.tf.sub(shifted, runtime.tf.log(total));
});
