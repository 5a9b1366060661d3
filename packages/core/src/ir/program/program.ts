/**
 * @file What a program is: a list of tensor operations as plain data, independent of any runtime, which can be printed, hashed
 * and sent to a worker.
 */

import type { DType } from '../../tensor/tensor.js';
import type { Dim, Shape } from './dims.js';

/** The closed set of operations, with the attributes of each. What else is known of them stands in total tables, one entry an op. */
export interface OpAttributes {
  // leaves
  input: { readonly name: string };
  weight: { readonly name: string };
  /** `data` row-major; one number fills the whole shape. Small tables only: big ones are weights. */
  constant: { readonly data: readonly number[] };
  /** 0, 1, 2, … along `axis`. */
  iota: { readonly axis: number };
  /** The size of a dim as an int scalar. */
  dimSize: { readonly dim: Dim };
  // elementwise, one input
  neg: None;
  abs: None;
  exp: None;
  log: None;
  sqrt: None;
  rsqrt: None;
  tanh: None;
  erf: None;
  sigmoid: None;
  relu: None;
  not: None;
  /** float ↔ int ↔ bool; float → int truncates. */
  cast: { readonly to: DType };
  // elementwise, two inputs, NumPy broadcasting
  add: None;
  sub: None;
  mul: None;
  div: None;
  pow: None;
  maximum: None;
  minimum: None;
  equal: None;
  less: None;
  lessEqual: None;
  and: None;
  or: None;
  /** inputs: condition (bool), then, else; NumPy broadcasting. */
  where: None;
  // contraction: the last two axes are the matrix, the others are batch axes and broadcast
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean };
  // shape
  transpose: { readonly permutation: readonly number[] };
  reshape: { readonly shape: Shape };
  broadcast: { readonly shape: Shape };
  slice: { readonly axis: number; readonly start: Dim; readonly end: Dim };
  concat: { readonly axis: number };
  /** Zeros before and after along one axis. */
  pad: { readonly axis: number; readonly before: Dim; readonly after: Dim };
  /** inputs: data, indices (int, any rank); the indices' shape replaces `axis`. */
  gather: { readonly axis: number };
  /** The adjoint of gather. inputs: updates, indices; gives zeros of `size` along `axis` plus the updates, duplicates added. */
  scatterAdd: { readonly axis: number; readonly size: Dim };
  // reductions
  sum: { readonly axes: readonly number[]; readonly keepDims: boolean };
  max: { readonly axes: readonly number[]; readonly keepDims: boolean };
  mean: { readonly axes: readonly number[]; readonly keepDims: boolean };
  softmax: { readonly axis: number };
  logSoftmax: { readonly axis: number };
  /** The identity, through which no gradient flows. */
  stopGradient: None;
}
type None = Readonly<Record<never, never>>;
/** The name of an operation. */
export type OpName = keyof OpAttributes;

/**
 * A named composite (layer norm, GELU, …): the value that is marked equals `kind(inputs)`. A backend may compute it in one step
 * when nothing else reads the values between. Builders mark it and passes keep the mark; nobody finds composites by matching patterns.
 */
export interface Composite {
  readonly kind: CompositeKind;
  /** Ids of the composite's inputs. */
  readonly inputs: readonly number[];
  readonly attributes: Readonly<Record<string, number>>;
}
/**
 * layerNorm: (x − mean)·rsqrt(var + epsilon) over the last axis, no weights · rmsNorm: x·rsqrt(mean(x²) + epsilon) ·
 * gelu: x·Φ(x) by erf · geluTanh: its tanh form · silu: x·σ(x).
 */
export type CompositeKind = 'layerNorm' | 'rmsNorm' | 'gelu' | 'geluTanh' | 'silu';

/** One operation with its operands: a line of a program. */
export interface Value<K extends OpName = OpName> {
  /** Its place in `Program.values`; inputs have smaller ids. */
  readonly id: number;
  readonly op: K;
  readonly inputs: readonly number[];
  readonly attributes: OpAttributes[K];
  readonly dtype: DType;
  readonly shape: Shape;
  /** What the value is in the model (`L3.ln1.scale`, `L3.attn.pattern`); the trace names it, and passes keep the name. */
  readonly role?: string;
  readonly composite?: Composite;
}
/** `Value` as a union over ops, so that a switch on `op` narrows `attributes`. */
export type AnyValue = { [K in OpName]: Value<K> }[OpName];

/** A value under the name by which a run returns it. */
export interface ProgramOutput {
  readonly name: string;
  readonly id: number;
}
/** A list of tensor operations; frozen when it comes from a builder or from `simplify`. */
export interface Program {
  readonly name: string;
  /** In topological order: `values[i].id === i`. */
  readonly values: readonly AnyValue[];
  readonly outputs: readonly ProgramOutput[];
}
