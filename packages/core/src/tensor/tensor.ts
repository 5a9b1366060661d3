/** @file Tensors on the host: a typed array and a shape, row-major. */
import { AutoCircuitError } from '../errors/error.js';

/** `float` is float32 on every backend (the interpreter can also run it in float64); `int` is a token id or an index. */
export type DType = 'float' | 'int' | 'bool';
/** Bytes of one number, as backends hold it. */
export const DTYPE_BYTES: Readonly<Record<DType, number>> = Object.freeze({ float: 4, int: 4, bool: 1 });

/** Numbers of a float tensor on the host. */
export type FloatArray = Float32Array | Float64Array;
/** float → Float32Array (or Float64Array), int → Int32Array, bool → Uint8Array (0 or 1). */
export type TensorData = FloatArray | Int32Array | Uint8Array;

/** Numbers and their shape. */
export interface Tensor<D extends TensorData = TensorData> {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: D;
}

/** How many numbers a tensor of this shape has; 1 for a scalar. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** A float tensor. @throws AutoCircuitError `wrong-shape` when the numbers do not fill the shape */
export function floatTensor<D extends FloatArray>(data: D, shape: readonly number[]): Tensor<D> {
  return checked({ dtype: 'float', shape, data });
}
/** An int tensor. @throws AutoCircuitError `wrong-shape` when the numbers do not fill the shape */
export function intTensor(data: Int32Array | readonly number[], shape: readonly number[]): Tensor<Int32Array> {
  return checked({ dtype: 'int', shape, data: data instanceof Int32Array ? data : Int32Array.from(data) });
}
function checked<T extends Tensor>(tensor: T): T {
  if (tensor.data.length !== elementCount(tensor.shape)) {
    throw new AutoCircuitError({
      code: 'wrong-shape',
      where: 'core/ir',
      what: 'tensor data does not fill its shape',
      expected: `${elementCount(tensor.shape)} numbers for [${tensor.shape.join(', ')}]`,
      got: `${tensor.data.length}`,
      fields: { shape: tensor.shape, numbers: tensor.data.length },
      kind: 'internal',
    });
  }
  return tensor;
}
