/** @file Loops over row-major arrays that the interpreter's ops are made of: strided copy, matmul, reductions, gather. */
import { elementCount, type TensorData } from '../../tensor/tensor.js';
import { indexOutOfRange } from '../backend-checks.js';

/** A shape, or strides, with all symbols filled in. */
export type Sizes = readonly number[];

/** How far apart neighbours along each axis lie, row-major. */
export function stridesOf(shape: Sizes): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * shape[i + 1]!;
  return strides;
}

/** out[i, j, …] = from[offset + i·strides[0] + j·strides[1] + …]: transposes, broadcasts (stride 0) and slices. */
export function copyStrided(from: TensorData, out: TensorData, shape: Sizes, strides: Sizes, offset = 0): void {
  const rank = shape.length;
  if (out.length === 0) return;
  if (rank === 0) {
    out[0] = from[offset]!;
    return;
  }
  const inner = shape[rank - 1]!;
  const step = strides[rank - 1]!;
  const index = new Int32Array(rank);
  let base = offset;
  for (let at = 0; at < out.length; at += inner) {
    for (let j = 0, p = base; j < inner; j++, p += step) out[at + j] = from[p]!;
    for (let axis = rank - 2; axis >= 0; axis--) {
      base += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      base -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}

/** Strides with which an array of `shape` is read as one of the larger shape `to`. */
export function broadcastStrides(shape: Sizes, to: Sizes): number[] {
  const own = stridesOf(shape);
  const lead = to.length - shape.length;
  return to.map((_, i) => (i < lead || shape[i - lead] === 1 ? 0 : own[i - lead]!));
}

/** A batch of matrices [batch…, rows, columns], or [batch…, columns, rows] when `transposed`. */
export interface MatmulOperand {
  readonly data: TensorData;
  readonly shape: Sizes;
  readonly transposed: boolean;
}
/** a [batch…, m, k] · b [batch…, k, n] → out [batch…, m, n]; sums are formed in float64 and rounded once. */
export function matmul(a: MatmulOperand, b: MatmulOperand, out: TensorData, outShape: Sizes): void {
  const rank = outShape.length;
  const batch = outShape.slice(0, -2);
  const m = outShape[rank - 2]!;
  const n = outShape[rank - 1]!;
  const k = a.shape[a.shape.length - (a.transposed ? 2 : 1)]!;
  const batches = elementCount(batch);
  const aStarts = matrixStarts(a, batch, batches);
  const bStarts = matrixStarts(b, batch, batches);
  const [aRow, aStep] = a.transposed ? [1, m] : [k, 1];
  const row = new Float64Array(n);
  for (let i = 0; i < batches; i++) {
    for (let r = 0; r < m; r++) {
      const aAt = aStarts[i]! + r * aRow;
      const outAt = (i * m + r) * n;
      if (b.transposed) dots(a.data, aAt, aStep, b.data, bStarts[i]!, k, row);
      else rowCombination(a.data, aAt, aStep, b.data, bStarts[i]!, k, row);
      for (let j = 0; j < n; j++) out[outAt + j] = row[j]!;
    }
  }
}
function matrixStarts({ shape }: MatmulOperand, batch: Sizes, batches: number): Int32Array {
  const own = shape.slice(0, -2);
  const size = shape[shape.length - 1]! * shape[shape.length - 2]!;
  const starts = new Int32Array(batches);
  const numbers = Int32Array.from({ length: elementCount(own) }, (_, i) => i * size);
  copyStrided(numbers, starts, batch, broadcastStrides(own, batch));
  return starts;
}
function dots(
  a: TensorData,
  aAt: number,
  aStep: number,
  b: TensorData,
  bAt: number,
  k: number,
  row: Float64Array,
): void {
  for (let j = 0; j < row.length; j++) {
    let sum = 0;
    const bRow = bAt + j * k;
    for (let i = 0, p = aAt; i < k; i++, p += aStep) sum += a[p]! * b[bRow + i]!;
    row[j] = sum;
  }
}
function rowCombination(
  a: TensorData,
  aAt: number,
  aStep: number,
  b: TensorData,
  bAt: number,
  k: number,
  row: Float64Array,
): void {
  const n = row.length;
  row.fill(0);
  for (let i = 0, p = aAt; i < k; i++, p += aStep) {
    const factor = a[p]!;
    const bRow = bAt + i * n;
    for (let j = 0; j < n; j++) row[j]! += factor * b[bRow + j]!;
  }
}

/** How a shape falls into what lies before, along and after one axis. */
export function aroundAxis(shape: Sizes, axis: number): { before: number; size: number; after: number } {
  return { before: elementCount(shape.slice(0, axis)), size: shape[axis]!, after: elementCount(shape.slice(axis + 1)) };
}

/** Calls `visit(offset, step)` for every line along `axis`: its elements are offset, offset + step, … */
export function forEachLine(shape: Sizes, axis: number, visit: (offset: number, step: number) => void): void {
  const { before, size, after } = aroundAxis(shape, axis);
  for (let i = 0; i < before; i++) for (let j = 0; j < after; j++) visit(i * size * after + j, after);
}

/** The axes not listed first, the listed ones last: what a reduction over `axes` walks through. */
export function reductionOrder(shape: Sizes, axes: readonly number[]): { order: number[]; inner: number } {
  const others = shape.map((_, i) => i).filter((i) => !axes.includes(i));
  return { order: [...others, ...axes], inner: elementCount(axes.map((a) => shape[a]!)) };
}

/** @throws AutoCircuitError `index-out-of-range` for the first index that is not in 0 … size − 1 */
export function checkIndices(indices: TensorData, size: number): void {
  for (const index of indices) if (!(index >= 0 && index < size)) throw indexOutOfRange('interpreter', index, size);
}
