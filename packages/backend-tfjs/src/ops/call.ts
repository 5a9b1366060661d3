/** @file What the kernel of one value sees. */
import type { DimSizes, DType, OpAttributes, OpName } from '@auto-circuit/core/backend';
import type { DataType, Tensor } from '@tensorflow/tfjs-core';
import type { Runtime } from '../runtime/runtime.js';

/** One value to be computed: its operands on the device, and what its result is like. */
export interface Call<K extends OpName = OpName> {
  readonly runtime: Runtime;
  readonly attributes: OpAttributes[K];
  readonly inputs: readonly Tensor[];
  /** Of the result, with symbols filled in. */
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly sizes: DimSizes;
}
/**
 * Gives a new tensor of the call's shape, never one of the inputs themselves: it is freed on its own. Whatever else it
 * makes is freed by the caller's scope.
 */
export type Kernel<K extends OpName> = (call: Call<K>) => Tensor;

/** How program dtypes are called in tfjs. */
export const TF_DTYPE = Object.freeze({ float: 'float32', int: 'int32', bool: 'bool' } as const) satisfies Readonly<
  Record<DType, DataType>
>;
