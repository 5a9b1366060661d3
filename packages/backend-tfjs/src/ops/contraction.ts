/**
 * @file Matrix products. Outside TensorFlow, tfjs gets batch axes that both operands stretch wrong (too few numbers, without
 * an error), and on WebAssembly batches and transposed operands are ten times slower than plain matrices. So an axis that
 * only one operand has becomes rows or columns, and what is left is one product, or a batch with equal batch axes.
 */
import { elementCount } from '@auto-circuit/core/backend';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { RuntimeTraits } from '../runtime/devices.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Tf } from '../runtime/tf.js';
import type { Call } from './call.js';
import { isInPlace, permuted, reshaped, stretched } from './layout.js';

/** From this many multiplications a product on, one call each is faster where batches are slow: a call costs about 1 ms. */
const WORTH_A_CALL = 2 ** 22;

/** An operand as a batch of matrices, and whether their rows and columns are swapped. */
interface Operand {
  readonly matrices: Tensor;
  readonly transposed: boolean;
}
/** How an operand is laid out: `[batches, outer, inner]` or `[batches, inner, outer]`. */
interface Layout {
  readonly order: readonly number[];
  readonly innerLast: boolean;
  readonly transposed: boolean;
}
/** The batch axes of the result, by which operands have them. */
interface Axes {
  readonly single: readonly number[];
  readonly shared: readonly number[];
  readonly ownA: readonly number[];
  readonly ownB: readonly number[];
}

/** [batch…, m, k] · [batch…, k, n] → [batch…, m, n], either operand transposed; batch axes broadcast. */
export function matmul({ runtime, attributes, inputs, shape }: Call<'matmul'>): Tensor {
  const { tf, traits } = runtime;
  const { transposeA, transposeB } = attributes;
  const rank = shape.length;
  // Both with all axes; those that are missing have size 1.
  const [left, right] = inputs.map((x) =>
    reshaped(tf, x, [...new Array<number>(rank - x.shape.length).fill(1), ...x.shape]),
  ) as [Tensor, Tensor];
  const [a, b] = traits.broadcastsBatches ? [left, right] : alike(tf, left, right);
  const axes = axesOf(a.shape, b.shape);
  const { single, shared, ownA, ownB } = axes;
  const made = [...single, ...shared, ...ownA, rank - 2, ...ownB, rank - 1];
  const order = Array.from({ length: rank }, (_, axis) => made.indexOf(axis));
  const sizes = made.map((axis) => shape[axis]!);

  const [rowA, innerA] = transposeA ? [rank - 1, rank - 2] : [rank - 2, rank - 1];
  const [innerB, columnB] = transposeB ? [rank - 1, rank - 2] : [rank - 2, rank - 1];
  const layoutsA: readonly [Layout, Layout] = [
    { order: [...single, ...ownB, ...shared, ...ownA, rowA, innerA], innerLast: true, transposed: false },
    { order: [...single, ...ownB, ...shared, innerA, ...ownA, rowA], innerLast: false, transposed: true },
  ];
  const layoutsB: readonly [Layout, Layout] = [
    { order: [...single, ...ownA, ...shared, innerB, ...ownB, columnB], innerLast: false, transposed: false },
    { order: [...single, ...ownA, ...shared, ...ownB, columnB, innerB], innerLast: true, transposed: true },
  ];
  const free = (x: Tensor, layouts: readonly Layout[]): boolean => layouts.some((l) => isInPlace(x.shape, l.order));
  const allFree = free(a, layoutsA) && free(b, layoutsB) && isInPlace(sizes, order);
  if (traits.broadcastsBatches && !allFree) return tf.matMul(a, b, transposeA, transposeB);
  const batches = elementCount(shared.map((axis) => shape[axis]!));
  const product = multiply(
    tf,
    traits,
    layOut(runtime, a, [batches, a.shape[innerA]!], layoutsA),
    layOut(runtime, b, [batches, b.shape[innerB]!], layoutsB),
  ); // [shared, ownA·m, ownB·n]
  return permuted(tf, reshaped(tf, product, sizes), order);
}

function axesOf(a: readonly number[], b: readonly number[]): Axes {
  const batch = Array.from({ length: a.length - 2 }, (_, axis) => axis);
  return {
    single: batch.filter((axis) => a[axis] === 1 && b[axis] === 1),
    shared: batch.filter((axis) => a[axis]! > 1 && b[axis]! > 1),
    ownA: batch.filter((axis) => a[axis]! > 1 && b[axis] === 1),
    ownB: batch.filter((axis) => a[axis] === 1 && b[axis]! > 1),
  };
}

/**
 * Where a batch remains anyway, the smaller operand is repeated along the axes it lacks rather than the bigger one's axes
 * moved, as with one mask for a batch: `[1, pos, m, k]` and `[batch, pos, k, n]`.
 */
function alike(tf: Tf, a: Tensor, b: Tensor): [Tensor, Tensor] {
  const { shared, ownA, ownB } = axesOf(a.shape, b.shape);
  if (shared.length === 0) return [a, b];
  const along = (x: Tensor, from: Tensor, axes: readonly number[]): Tensor => {
    const shape = x.shape.map((size, axis) => (axes.includes(axis) ? from.shape[axis]! : size));
    return axes.length > 0 && elementCount(shape) <= from.size ? stretched(tf, x, shape) : x;
  };
  return [along(a, b, ownB), along(b, a, ownA)];
}

/** The second layout, which is transposed, is taken where it saves a copy and the runtime reads it as fast. */
function layOut(
  { tf, traits, transposedWeights }: Runtime,
  x: Tensor,
  [batches, inner]: readonly [number, number],
  [plain, swapped]: readonly [Layout, Layout],
): Operand {
  const saves = traits.fastTransposes && !isInPlace(x.shape, plain.order) && isInPlace(x.shape, swapped.order);
  const { order, innerLast, transposed } = saves ? swapped : plain;
  const outer = x.size / (batches * inner);
  const shape = innerLast ? [batches, outer, inner] : [batches, inner, outer];
  const moved = isInPlace(x.shape, order)
    ? permuted(tf, x, order)
    : transposedWeights.form(tf, x, `${x.shape} ${order}`, () => permuted(tf, x, order));
  return { matrices: reshaped(tf, moved, shape), transposed };
}

function multiply(tf: Tf, { fastBatches }: RuntimeTraits, left: Operand, right: Operand): Tensor {
  const [batches, ...matrixA] = left.matrices.shape as [number, number, number];
  const [, ...matrixB] = right.matrices.shape as [number, number, number];
  const one = (a: Tensor, b: Tensor): Tensor =>
    tf.matMul(reshaped(tf, a, matrixA), reshaped(tf, b, matrixB), left.transposed, right.transposed);
  if (batches === 1) return one(left.matrices, right.matrices);
  const work = (elementCount(matrixA) * elementCount(matrixB)) / matrixA[left.transposed ? 0 : 1]!;
  if (fastBatches || work < WORTH_A_CALL)
    return tf.matMul(left.matrices, right.matrices, left.transposed, right.transposed);
  const at = (x: Tensor, i: number): Tensor => tf.slice(x, [i, 0, 0], [1, -1, -1]);
  return tf.stack(Array.from({ length: batches }, (_, i) => one(at(left.matrices, i), at(right.matrices, i))));
}
