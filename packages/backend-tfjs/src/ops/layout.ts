/**
 * @file Moving and repeating axes. Neighbours that stay together are joined into one axis first: fewer axes are faster, and not
 * every runtime broadcasts operands of many axes rightly.
 */
import { elementCount } from '@auto-circuit/core/backend';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Tf } from '../runtime/tf.js';

/**
 * Every runtime broadcasts two operands of up to this many axes. With more than six, WebAssembly gives wrong numbers with
 * nothing but a line on the console, and TensorFlow refuses.
 */
export const MOST_BROADCAST_AXES = 5;

/** The same numbers under another shape; no copy. */
export const reshaped = (tf: Tf, x: Tensor, shape: readonly number[]): Tensor => tf.reshape(x, [...shape]);

/** A second handle on the numbers of `x`, to be freed by itself; no copy. */
export const sameNumbers = (tf: Tf, x: Tensor): Tensor => reshaped(tf, x, x.shape);

/** Runs of axes of `x` that stay together, in their new order; axes of size 1 are left out. */
function runsOf(shape: readonly number[], order: readonly number[]): number[][] {
  const rank = shape.map((_, axis) => axis).filter((axis) => shape[axis] !== 1);
  const place = new Map(rank.map((axis, i) => [axis, i]));
  const runs: number[][] = [];
  for (const axis of order.filter((a) => shape[a] !== 1)) {
    const last = runs.at(-1)?.at(-1);
    if (last !== undefined && place.get(last)! + 1 === place.get(axis)) runs.at(-1)!.push(axis);
    else runs.push([axis]);
  }
  return runs;
}

/** Whether taking the axes in this order leaves every number where it is. */
export const isInPlace = (shape: readonly number[], order: readonly number[]): boolean =>
  runsOf(shape, order).length <= 1;

/** The axes of `x` in another order: axis i of the result is axis `order[i]`. A copy only where numbers move. */
export function permuted(tf: Tf, x: Tensor, order: readonly number[]): Tensor {
  const shape = order.map((axis) => x.shape[axis]!);
  const runs = runsOf(x.shape, order);
  if (runs.length <= 1) return reshaped(tf, x, shape);
  const stored = [...runs].sort((a, b) => a[0]! - b[0]!);
  const joined = reshaped(
    tf,
    x,
    stored.map((run) => elementCount(run.map((axis) => x.shape[axis]!))),
  );
  return reshaped(
    tf,
    tf.transpose(
      joined,
      runs.map((run) => stored.indexOf(run)),
    ),
    shape,
  );
}

/** The number of elements before an axis, along it, and after it. */
export const around = (shape: readonly number[], axis: number): [before: number, size: number, after: number] => [
  elementCount(shape.slice(0, axis)),
  shape[axis]!,
  elementCount(shape.slice(axis + 1)),
];

/**
 * Shapes that broadcast to `result`, with neighbouring axes joined where every operand either has them all or stretches
 * them all. The last of the list is the result's.
 */
export function joinedForBroadcast(shapes: readonly (readonly number[])[], result: readonly number[]): number[][] {
  const padded = [...shapes, result].map((s) => [...new Array<number>(result.length - s.length).fill(1), ...s]);
  const joined: number[][] = padded.map(() => []);
  let last = '';
  result.forEach((size, axis) => {
    if (size === 1) return;
    const pattern = padded.map((s) => (s[axis] === 1 ? '1' : 'n')).join('');
    joined.forEach((s, i) => {
      if (pattern === last) s.push(s.pop()! * padded[i]![axis]!);
      else s.push(padded[i]![axis]!);
    });
    last = pattern;
  });
  return joined;
}

/** `x` stretched to `shape`. */
export function stretched(tf: Tf, x: Tensor, shape: readonly number[]): Tensor {
  const [from, to] = joinedForBroadcast([x.shape], shape) as [number[], number[]];
  if (elementCount(from) === elementCount(to)) return reshaped(tf, x, shape);
  const times = to.map((size, i) => size / from[i]!);
  return reshaped(tf, tf.tile(reshaped(tf, x, from), times), shape);
}
