/** @file How tfjs computes every op: a total table, so that an op without a kernel does not compile. */
import { type DType, evaluateDim, type OpName } from '@auto-circuit/core/backend';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Tf } from '../runtime/tf.js';
import { type Call, type Kernel, TF_DTYPE } from './call.js';
import { matmul } from './contraction.js';
import { gather, scatterAdd } from './indexing.js';
import {
  around,
  joinedForBroadcast,
  MOST_BROADCAST_AXES,
  permuted,
  reshaped,
  sameNumbers,
  stretched,
} from './layout.js';
import { logSoftmax, max, mean, softmax, sum } from './reductions.js';

/** Every op but those whose numbers are given. */
export type ComputedOp = Exclude<OpName, 'input' | 'weight'>;

/** Up to this rank every kernel takes two operands as they are. */
const PLAIN_RANK = 4;

const unary =
  (apply: (tf: Tf, x: Tensor) => Tensor) =>
  ({ runtime: { tf }, inputs: [x] }: Call): Tensor =>
    apply(tf, x!);
const same = ({ runtime: { tf }, inputs: [x] }: Call): Tensor => sameNumbers(tf, x!);

/** Elementwise ops broadcast by themselves; operands of high rank are folded first. */
const elementwise =
  (apply: (tf: Tf, operands: readonly Tensor[]) => Tensor) =>
  ({ runtime: { tf }, inputs, shape }: Call): Tensor => {
    if (shape.length <= PLAIN_RANK) return apply(tf, inputs);
    const joined = joinedForBroadcast(
      inputs.map((x) => x.shape),
      shape,
    );
    const tooMany = joined.at(-1)!.length > MOST_BROADCAST_AXES;
    const folded = inputs.map((x, i) => (tooMany ? flat(tf, stretched(tf, x, shape)) : reshaped(tf, x, joined[i]!)));
    return reshaped(tf, apply(tf, folded), shape);
  };
const flat = (tf: Tf, x: Tensor): Tensor => reshaped(tf, x, [x.size]);
const binary = (apply: (tf: Tf, x: Tensor, y: Tensor) => Tensor) => elementwise((tf, [x, y]) => apply(tf, x!, y!));

const CASTS: { readonly [D in DType]: (tf: Tf, x: Tensor) => Tensor } = {
  float: (tf, x) => tf.cast(x, 'float32'),
  int: (tf, x) => tf.cast(x, 'int32'),
  // Not a cast: it would take 0.5 for 0 on WebAssembly.
  bool: (tf, x) => (x.dtype === 'bool' ? tf.clone(x) : tf.notEqual(x, tf.scalar(0, x.dtype as 'float32' | 'int32'))),
};

/** The kernel of each op. */
export const KERNELS: { readonly [K in ComputedOp]: Kernel<K> } = {
  // A table that an op reads is uploaded once and for all; here is one that is itself an output.
  constant: ({ runtime: { tf }, attributes: { data }, shape, dtype }) =>
    data.length > 1
      ? tf.tensor([...data], [...shape], TF_DTYPE[dtype])
      : tf.fill([...shape], data[0]!, TF_DTYPE[dtype]),
  iota: ({ runtime: { tf }, attributes: { axis }, shape }) => {
    const line = shape.map((size, i) => (i === axis ? size : 1));
    return stretched(tf, reshaped(tf, tf.range(0, shape[axis]!, 1, 'int32'), line), shape);
  },
  dimSize: ({ runtime: { tf }, attributes: { dim }, sizes }) => tf.scalar(evaluateDim(dim, sizes), 'int32'),
  neg: unary((tf, x) => tf.neg(x)),
  abs: unary((tf, x) => tf.abs(x)),
  exp: unary((tf, x) => tf.exp(x)),
  log: unary((tf, x) => tf.log(x)),
  sqrt: unary((tf, x) => tf.sqrt(x)),
  rsqrt: unary((tf, x) => tf.rsqrt(x)),
  tanh: unary((tf, x) => tf.tanh(x)),
  erf: unary((tf, x) => tf.erf(x)),
  sigmoid: unary((tf, x) => tf.sigmoid(x)),
  relu: unary((tf, x) => tf.relu(x)),
  not: unary((tf, x) => tf.logicalNot(x)),
  cast: ({ runtime: { tf }, attributes: { to }, inputs: [x] }) => CASTS[to](tf, x!),
  add: binary((tf, x, y) => tf.add(x, y)),
  sub: binary((tf, x, y) => tf.sub(x, y)),
  mul: binary((tf, x, y) => tf.mul(x, y)),
  div: binary((tf, x, y) => tf.div(x, y)),
  pow: binary((tf, x, y) => tf.pow(x, y)),
  maximum: binary((tf, x, y) => tf.maximum(x, y)),
  minimum: binary((tf, x, y) => tf.minimum(x, y)),
  equal: binary((tf, x, y) => tf.equal(x, y)),
  less: binary((tf, x, y) => tf.less(x, y)),
  lessEqual: binary((tf, x, y) => tf.lessEqual(x, y)),
  and: binary((tf, x, y) => tf.logicalAnd(x, y)),
  or: binary((tf, x, y) => tf.logicalOr(x, y)),
  // Of bools it would write past the end of the result on WebAssembly.
  where: elementwise((tf, [condition, x, y]) =>
    x!.dtype === 'bool'
      ? CASTS.bool(tf, tf.where(condition!, tf.cast(x!, 'int32'), tf.cast(y!, 'int32')))
      : tf.where(condition!, x!, y!),
  ),
  matmul,
  transpose: ({ runtime: { tf }, attributes: { permutation }, inputs: [x] }) => permuted(tf, x!, permutation),
  reshape: ({ runtime: { tf }, inputs: [x], shape }) => reshaped(tf, x!, shape),
  broadcast: ({ runtime: { tf }, inputs: [x], shape }) => stretched(tf, x!, shape),
  slice: ({ runtime: { tf }, attributes: { axis, start }, inputs: [x], shape, sizes }) => {
    const [before, , after] = around(x!.shape, axis);
    const from = evaluateDim(start, sizes);
    const sliced = tf.slice(reshaped(tf, x!, around(x!.shape, axis)), [0, from, 0], [before, shape[axis]!, after]);
    return reshaped(tf, sliced, shape);
  },
  concat: ({ runtime: { tf }, attributes: { axis }, inputs, shape }) => {
    const folded = inputs.map((x) => reshaped(tf, x, around(x.shape, axis)));
    return reshaped(tf, tf.concat(folded, 1), shape);
  },
  pad: ({ runtime: { tf }, attributes: { axis, before, after }, inputs: [x], shape, sizes }) => {
    const widths: [number, number] = [evaluateDim(before, sizes), evaluateDim(after, sizes)];
    const none: [number, number] = [0, 0];
    return reshaped(tf, tf.pad(reshaped(tf, x!, around(x!.shape, axis)), [none, widths, none]), shape);
  },
  gather,
  scatterAdd,
  sum,
  max,
  mean,
  softmax,
  logSoftmax,
  stopGradient: same,
};
