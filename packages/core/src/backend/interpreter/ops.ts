/** @file What every op means: a total table from op to the loop that computes it on host arrays. */
import { AutoCircuitError } from '../../errors/error.js';
import { BINARY, UNARY } from '../../ir/ops/scalars.js';
import { type DimSizes, evaluateDim } from '../../ir/program/dims.js';
import type { OpAttributes, OpName } from '../../ir/program/program.js';
import type { DType } from '../../tensor/tensor.js';
import { elementCount, type FloatArray, type Tensor, type TensorData } from '../../tensor/tensor.js';
import {
  aroundAxis,
  broadcastStrides,
  checkIndices,
  copyStrided,
  forEachLine,
  matmul,
  reductionOrder,
  stridesOf,
} from './kernels.js';

/** One value to be computed: its operands, and what its result is like. */
export interface Call<K extends OpName = OpName> {
  readonly attributes: OpAttributes[K];
  readonly inputs: readonly Tensor[];
  /** Of the result, with symbols filled in. */
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly sizes: DimSizes;
  allocate(dtype: DType, count: number): TensorData;
}
/** Gives the result's numbers; a leaf that is fed (input, weight) is not computed. */
export type Meaning<K extends OpName> = (call: Call<K>) => TensorData;
/** Every op but those whose numbers are given. */
export type ComputedOp = Exclude<OpName, 'input' | 'weight'>;

const fresh = (call: Call): TensorData => call.allocate(call.dtype, elementCount(call.shape));

/** An input's numbers spread to the shape of the result. */
function spread(call: Call, input: Tensor): TensorData {
  if (input.data.length === elementCount(call.shape)) return input.data;
  const out = call.allocate(input.dtype, elementCount(call.shape));
  copyStrided(input.data, out, call.shape, broadcastStrides(input.shape, call.shape));
  return out;
}
const unary =
  (f: (x: number) => number) =>
  (call: Call): TensorData => {
    const out = fresh(call);
    const x = call.inputs[0]!.data;
    for (let i = 0; i < out.length; i++) out[i] = f(x[i]!);
    return out;
  };
const binary =
  (f: (x: number, y: number) => number) =>
  (call: Call): TensorData => {
    const out = fresh(call);
    const x = spread(call, call.inputs[0]!);
    const y = spread(call, call.inputs[1]!);
    for (let i = 0; i < out.length; i++) out[i] = f(x[i]!, y[i]!);
    return out;
  };

type Reduction = Call<'sum'> | Call<'max'> | Call<'mean'>;
const reduction =
  (start: number, fold: (total: number, x: number) => number, finish: (total: number, count: number) => number) =>
  (call: Reduction): TensorData => {
    const [x] = call.inputs as [Tensor];
    const { order, inner } = reductionOrder(x.shape, call.attributes.axes);
    const strides = stridesOf(x.shape);
    const lines = call.allocate(x.dtype, x.data.length);
    copyStrided(
      x.data,
      lines,
      order.map((a) => x.shape[a]!),
      order.map((a) => strides[a]!),
    );
    const out = fresh(call);
    for (let i = 0; i < out.length; i++) {
      let total = start;
      for (let j = 0; j < inner; j++) total = fold(total, lines[i * inner + j]!);
      out[i] = finish(total, inner);
    }
    return out;
  };
const softmaxLike =
  (finish: (x: number, max: number, sum: number) => number) =>
  (call: Call<'softmax'> | Call<'logSoftmax'>): TensorData => {
    const { data, shape } = call.inputs[0]!;
    const out = fresh(call);
    const count = shape[call.attributes.axis]!;
    forEachLine(shape, call.attributes.axis, (offset, step) => {
      let max = -Infinity;
      for (let i = 0; i < count; i++) max = Math.max(max, data[offset + i * step]!);
      let sum = 0;
      for (let i = 0; i < count; i++) sum += Math.exp(data[offset + i * step]! - max);
      for (let i = 0; i < count; i++) out[offset + i * step] = finish(data[offset + i * step]!, max, sum);
    });
    return out;
  };

function checkRange(what: string, low: number, high: number, size: number): void {
  if (low >= 0 && low <= high && high <= size) return;
  throw new AutoCircuitError({
    code: 'index-out-of-range',
    where: 'interpreter',
    what: `${what} out of range`,
    expected: `within 0 to ${size}`,
    got: `${low} to ${high}`,
    fields: { low, high, size },
  });
}
const fill = (out: TensorData, x: number): TensorData => out.fill(x);

/** The meaning of each op. */
export const MEANINGS: { readonly [K in ComputedOp]: Meaning<K> } = {
  constant: (call) => {
    const { data } = call.attributes;
    const out = fresh(call);
    if (data.length === 1) return fill(out, data[0]!);
    for (let i = 0; i < out.length; i++) out[i] = data[i]!;
    return out;
  },
  iota: (call) => {
    const out = fresh(call);
    const { size, after } = aroundAxis(call.shape, call.attributes.axis);
    for (let i = 0; i < out.length; i++) out[i] = Math.floor(i / after) % size;
    return out;
  },
  dimSize: (call) => fill(fresh(call), evaluateDim(call.attributes.dim, call.sizes)),
  neg: unary(UNARY.neg),
  abs: unary(UNARY.abs),
  exp: unary(UNARY.exp),
  log: unary(UNARY.log),
  sqrt: unary(UNARY.sqrt),
  rsqrt: unary(UNARY.rsqrt),
  tanh: unary(UNARY.tanh),
  erf: unary(UNARY.erf),
  sigmoid: unary(UNARY.sigmoid),
  relu: unary(UNARY.relu),
  not: unary(UNARY.not),
  cast: (call) =>
    unary(
      call.attributes.to === 'bool' ? (x) => (x === 0 ? 0 : 1) : call.attributes.to === 'int' ? Math.trunc : (x) => x,
    )(call),
  add: binary(BINARY.add),
  sub: binary(BINARY.sub),
  mul: binary(BINARY.mul),
  div: binary(BINARY.div),
  pow: binary(BINARY.pow),
  maximum: binary(BINARY.maximum),
  minimum: binary(BINARY.minimum),
  equal: binary(BINARY.equal),
  less: binary(BINARY.less),
  lessEqual: binary(BINARY.lessEqual),
  and: binary(BINARY.and),
  or: binary(BINARY.or),
  where: (call) => {
    const [condition, a, b] = call.inputs.map((x) => spread(call, x)) as [TensorData, TensorData, TensorData];
    const out = fresh(call);
    for (let i = 0; i < out.length; i++) out[i] = condition[i] ? a[i]! : b[i]!;
    return out;
  },
  matmul: (call) => {
    const [a, b] = call.inputs as [Tensor, Tensor];
    const { transposeA, transposeB } = call.attributes;
    const out = fresh(call);
    matmul({ ...a, transposed: transposeA }, { ...b, transposed: transposeB }, out, call.shape);
    return out;
  },
  transpose: (call) => {
    const [x] = call.inputs as [Tensor];
    const strides = stridesOf(x.shape);
    const out = fresh(call);
    copyStrided(
      x.data,
      out,
      call.shape,
      call.attributes.permutation.map((p) => strides[p]!),
    );
    return out;
  },
  reshape: (call) => call.inputs[0]!.data,
  broadcast: (call) => spread(call, call.inputs[0]!),
  slice: (call) => {
    const [x] = call.inputs as [Tensor];
    const { axis, start, end } = call.attributes;
    const from = evaluateDim(start, call.sizes);
    checkRange('slice', from, evaluateDim(end, call.sizes), x.shape[axis]!);
    const strides = stridesOf(x.shape);
    const out = fresh(call);
    copyStrided(x.data, out, call.shape, strides, from * strides[axis]!);
    return out;
  },
  concat: (call) => {
    const { axis } = call.attributes;
    const { before, size, after } = aroundAxis(call.shape, axis);
    const out = fresh(call);
    let at = 0;
    for (const { data, shape } of call.inputs) {
      const width = shape[axis]! * after;
      for (let i = 0; i < before; i++) out.set(data.subarray(i * width, (i + 1) * width), i * size * after + at);
      at += width;
    }
    return out;
  },
  pad: (call) => {
    const [x] = call.inputs as [Tensor];
    const { axis } = call.attributes;
    const before = evaluateDim(call.attributes.before, call.sizes);
    checkRange('pad', before, before + x.shape[axis]!, call.shape[axis]!);
    const { before: rows, size, after } = aroundAxis(call.shape, axis);
    const width = x.shape[axis]! * after;
    const out = fresh(call);
    for (let i = 0; i < rows; i++) out.set(x.data.subarray(i * width, (i + 1) * width), (i * size + before) * after);
    return out;
  },
  gather: (call) => {
    const [x, indices] = call.inputs as [Tensor, Tensor];
    const { before, size, after } = aroundAxis(x.shape, call.attributes.axis);
    checkIndices(indices.data, size);
    const count = indices.data.length;
    const out = fresh(call);
    for (let i = 0; i < before; i++) {
      for (let j = 0; j < count; j++) {
        const from = (i * size + indices.data[j]!) * after;
        out.set(x.data.subarray(from, from + after), (i * count + j) * after);
      }
    }
    return out;
  },
  scatterAdd: (call) => {
    const [updates, indices] = call.inputs as [Tensor, Tensor];
    const { before, size, after } = aroundAxis(call.shape, call.attributes.axis);
    checkIndices(indices.data, size);
    const count = indices.data.length;
    const totals = new Float64Array(before * size * after);
    for (let i = 0; i < before; i++) {
      for (let j = 0; j < count; j++) {
        const to = (i * size + indices.data[j]!) * after;
        const from = (i * count + j) * after;
        for (let p = 0; p < after; p++) totals[to + p]! += updates.data[from + p]!;
      }
    }
    const out = fresh(call) as FloatArray;
    out.set(totals);
    return out;
  },
  sum: reduction(
    0,
    (total, x) => total + x,
    (total) => total,
  ),
  max: reduction(-Infinity, Math.max, (total) => total),
  mean: reduction(
    0,
    (total, x) => total + x,
    (total, count) => total / count,
  ),
  softmax: softmaxLike((x, max, sum) => Math.exp(x - max) / sum),
  logSoftmax: softmaxLike((x, max, sum) => x - max - Math.log(sum)),
  stopGradient: (call) => call.inputs[0]!.data,
};
