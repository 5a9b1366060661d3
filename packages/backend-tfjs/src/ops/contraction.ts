/**
 * @file Matrix products. tfjs gets batch axes that both operands stretch wrong (too few numbers, without an error), and on
 * WebAssembly batches and transposed operands are ten times slower than plain matrices. So an axis that only one operand
 * has becomes rows or columns, and what is left is one product, or a batch with equal batch axes.
 */
import { elementCount } from '@auto-circuit/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { RuntimeTraits } from '../runtime/devices.js';
import type { Runtime, Tf } from '../runtime/load.js';
import type { Call } from './call.js';
import { isInPlace, permuted, reshaped } from './layout.js';

/** From this many multiplications a product on, one call each is faster where batches are slow: a call costs about 1 ms. */
const WORTH_A_CALL = 2 ** 22;

/** An operand as a batch of matrices, and whether their rows and columns are swapped. */
interface Operand {
  readonly matrices: Tensor;
  readonly transposed: boolean;
}
/** A way to lay an operand out: `[batches, outer, inner]` or `[batches, inner, outer]`. */
interface Layout {
  readonly order: readonly number[];
  readonly innerLast: boolean;
  readonly transposed: boolean;
}

export function matmul({ runtime, attributes, inputs, shape }: Call<'matmul'>): Tensor {
  const { tf, traits } = runtime;
  const rank = shape.length;
  // Both with all axes; those that are missing have size 1.
  const [a, b] = inputs.map((x) =>
    reshaped(tf, x, [...new Array<number>(rank - x.shape.length).fill(1), ...x.shape]),
  ) as [Tensor, Tensor];
  const batch = Array.from({ length: rank - 2 }, (_, axis) => axis);
  const single = batch.filter((axis) => shape[axis] === 1);
  const shared = batch.filter((axis) => a.shape[axis]! > 1 && b.shape[axis]! > 1);
  const ownA = batch.filter((axis) => shape[axis] !== 1 && b.shape[axis] === 1);
  const ownB = batch.filter((axis) => shape[axis] !== 1 && a.shape[axis] === 1);

  const [rowA, innerA] = attributes.transposeA ? [rank - 1, rank - 2] : [rank - 2, rank - 1];
  const [innerB, columnB] = attributes.transposeB ? [rank - 1, rank - 2] : [rank - 2, rank - 1];
  const ones = { a: [...single, ...ownB], b: [...single, ...ownA] };
  const left = layOut(
    runtime,
    a,
    [elementCount(shared.map((axis) => shape[axis]!)), a.shape[innerA]!],
    [
      { order: [...ones.a, ...shared, ...ownA, rowA, innerA], innerLast: true, transposed: false },
      { order: [...ones.a, ...shared, innerA, ...ownA, rowA], innerLast: false, transposed: true },
    ],
  );
  const right = layOut(
    runtime,
    b,
    [elementCount(shared.map((axis) => shape[axis]!)), b.shape[innerB]!],
    [
      { order: [...ones.b, ...shared, innerB, ...ownB, columnB], innerLast: false, transposed: false },
      { order: [...ones.b, ...shared, ...ownB, columnB, innerB], innerLast: true, transposed: true },
    ],
  );
  const product = multiply(tf, traits, left, right); // [shared, ownA·m, ownB·n]

  const made = [...single, ...shared, ...ownA, rank - 2, ...ownB, rank - 1];
  const axes = Array.from({ length: rank }, (_, axis) => made.indexOf(axis));
  return permuted(
    tf,
    reshaped(
      tf,
      product,
      made.map((axis) => shape[axis]!),
    ),
    axes,
  );
}

/** The second layout, which is transposed, is taken where it saves a copy and the runtime reads it as fast. */
function layOut(
  { tf, traits }: Runtime,
  x: Tensor,
  [batches, inner]: readonly [number, number],
  [plain, turned]: readonly [Layout, Layout],
): Operand {
  const saves = traits.fastTransposes && !isInPlace(x.shape, plain.order) && isInPlace(x.shape, turned.order);
  const { order, innerLast, transposed } = saves ? turned : plain;
  const outer = x.size / (batches * inner);
  const shape = innerLast ? [batches, outer, inner] : [batches, inner, outer];
  return { matrices: reshaped(tf, permuted(tf, x, order), shape), transposed };
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
