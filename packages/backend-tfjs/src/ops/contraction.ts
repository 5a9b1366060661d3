/**
 * @file Matrix products. Outside TensorFlow, tfjs gets batch axes that both operands stretch wrong (too few numbers, without
 * an error), and on WebAssembly batches and transposed operands are ten times slower than plain matrices. So an axis that
 * only one operand has becomes rows or columns, and what is left is one product, or a batch with equal batch axes.
 */
import { elementCount } from '@auto-circuit/core/backend';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { RuntimeTraits } from '../runtime/devices.js';
import type { Runtime } from '../runtime/runtime.js';
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
export interface Layout {
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

/** How a product is made of its operands, from their shapes alone. */
export interface ProductPlan {
  /** Both as they are multiplied: with all axes, stretched where a batch remains anyway. */
  readonly shapeA: readonly number[];
  readonly shapeB: readonly number[];
  readonly layoutsA: readonly [Layout, Layout];
  readonly layoutsB: readonly [Layout, Layout];
  readonly batches: number;
  readonly innerA: number;
  readonly innerB: number;
  /** Axes of the result as they come out, and the order that puts them right. */
  readonly made: readonly number[];
  readonly order: readonly number[];
}

/** The plan of [batch…, m, k] · [batch…, k, n]; the operands' shapes have as many axes as the result's. */
export function planProduct(
  traits: RuntimeTraits,
  { transposeA, transposeB }: Call<'matmul'>['attributes'],
  a: readonly number[],
  b: readonly number[],
  shape: readonly number[],
): ProductPlan {
  const rank = shape.length;
  const [shapeA, shapeB] = traits.broadcastsBatches ? [a, b] : alike(a, b);
  const { single, shared, ownA, ownB } = axesOf(shapeA, shapeB);
  const made = [...single, ...shared, ...ownA, rank - 2, ...ownB, rank - 1];
  const [rowA, innerA] = transposeA ? [rank - 1, rank - 2] : [rank - 2, rank - 1];
  const [innerB, columnB] = transposeB ? [rank - 1, rank - 2] : [rank - 2, rank - 1];
  return {
    shapeA,
    shapeB,
    layoutsA: [
      { order: [...single, ...ownB, ...shared, ...ownA, rowA, innerA], innerLast: true, transposed: false },
      { order: [...single, ...ownB, ...shared, innerA, ...ownA, rowA], innerLast: false, transposed: true },
    ],
    layoutsB: [
      { order: [...single, ...ownA, ...shared, innerB, ...ownB, columnB], innerLast: false, transposed: false },
      { order: [...single, ...ownA, ...shared, ...ownB, columnB, innerB], innerLast: true, transposed: true },
    ],
    batches: elementCount(shared.map((axis) => shape[axis]!)),
    innerA,
    innerB,
    made,
    order: Array.from({ length: rank }, (_, axis) => made.indexOf(axis)),
  };
}

/**
 * Whether a weight on the right is better taken on the left, with the product's rows and columns swapped: it is read where it
 * is, while on the right it would have to be transposed and packed, two copies of its own size.
 */
export const weightGoesLeft = ({ fastTransposes }: RuntimeTraits, { shapeB, layoutsB }: ProductPlan): boolean =>
  !fastTransposes && !isInPlace(shapeB, layoutsB[0].order) && isInPlace(shapeB, layoutsB[1].order);

/** A shape with as many axes as another; those that are missing have size 1. */
export const withAxes = (shape: readonly number[], rank: number): number[] => [
  ...new Array<number>(rank - shape.length).fill(1),
  ...shape,
];

/** (A · B)ᵀ = Bᵀ · Aᵀ: the call that gives a product with its last two axes swapped. */
export function swappedProduct({ transposeA, transposeB }: Call<'matmul'>['attributes'], shape: readonly number[]) {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return {
    attributes: { transposeA: !transposeB, transposeB: !transposeA },
    shape: [...shape.slice(0, -2), columns, rows],
  };
}

/** [batch…, m, k] · [batch…, k, n] → [batch…, m, n], either operand transposed; batch axes broadcast. */
export function matmul(call: Call<'matmul'>): Tensor {
  const { runtime, attributes, inputs, shape } = call;
  const { tf, traits } = runtime;
  const rank = shape.length;
  const [left, right] = inputs.map((x) => reshaped(tf, x, withAxes(x.shape, rank))) as [Tensor, Tensor];
  const plan = planProduct(traits, attributes, left.shape, right.shape, shape);
  const { shapeA, shapeB, layoutsA, layoutsB, batches, made, order } = plan;
  const isWeight = (x: Tensor): boolean => runtime.transposedWeights.has(x);
  if (isWeight(right) && !isWeight(left) && weightGoesLeft(traits, plan)) {
    const swapped = matmul({ ...call, ...swappedProduct(attributes, shape), inputs: [right, left] });
    return permuted(tf, swapped, [...shape.slice(2).keys(), rank - 1, rank - 2]);
  }
  const [a, b] = [stretched(tf, left, shapeA), stretched(tf, right, shapeB)];
  const sizes = made.map((axis) => shape[axis]!);
  const free = (x: Tensor, layouts: readonly Layout[]): boolean => layouts.some((l) => isInPlace(x.shape, l.order));
  const allFree = free(a, layoutsA) && free(b, layoutsB) && isInPlace(sizes, order);
  if (traits.broadcastsBatches && !allFree) return tf.matMul(a, b, attributes.transposeA, attributes.transposeB);
  const product = multiply(
    runtime,
    layOut(runtime, a, [batches, a.shape[plan.innerA]!], layoutsA),
    layOut(runtime, b, [batches, b.shape[plan.innerB]!], layoutsB),
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
function alike(a: readonly number[], b: readonly number[]): [readonly number[], readonly number[]] {
  const { shared, ownA, ownB } = axesOf(a, b);
  if (shared.length === 0) return [a, b];
  const along = (x: readonly number[], from: readonly number[], axes: readonly number[]): readonly number[] => {
    const shape = x.map((size, axis) => (axes.includes(axis) ? from[axis]! : size));
    return axes.length > 0 && elementCount(shape) <= elementCount(from) ? shape : x;
  };
  return [along(a, b, ownB), along(b, a, ownA)];
}

/** The name of a weight's copy with its axes in another order. */
export const formKey = (shape: readonly number[], order: readonly number[]): string => `${shape} ${order}`;

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
    : transposedWeights.form(tf, x, formKey(x.shape, order), () => permuted(tf, x, order));
  return { matrices: reshaped(tf, moved, shape), transposed };
}

function multiply({ tf, traits, heap }: Runtime, left: Operand, right: Operand): Tensor {
  const [batches, ...matrixA] = left.matrices.shape as [number, number, number];
  const [, ...matrixB] = right.matrices.shape as [number, number, number];
  const one = (a: Tensor, b: Tensor): Tensor => {
    const product = tf.matMul(reshaped(tf, a, matrixA), reshaped(tf, b, matrixB), left.transposed, right.transposed);
    heap?.notePacked(b);
    return product;
  };
  if (batches === 1) return one(left.matrices, right.matrices);
  const work = (elementCount(matrixA) * elementCount(matrixB)) / matrixA[left.transposed ? 0 : 1]!;
  if (traits.fastBatches || work < WORTH_A_CALL)
    return tf.matMul(left.matrices, right.matrices, left.transposed, right.transposed);
  const at = (x: Tensor, i: number): Tensor => tf.slice(x, [i, 0, 0], [1, -1, -1]);
  return tf.stack(Array.from({ length: batches }, (_, i) => one(at(left.matrices, i), at(right.matrices, i))));
}
