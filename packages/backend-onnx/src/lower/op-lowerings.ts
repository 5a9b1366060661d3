/** @file How every op is written in ONNX: a total table, so that an op without a lowering does not compile. */
import {
  type AnyValue,
  type Dim,
  elementCount,
  multiplyDims,
  type OpName,
  type Shape,
  shapesEqual,
  type Value,
} from '@auto-circuit/core/backend';
import { elementwiseOperands, inputShape, type LowerContext, lowerConstant, type OpLowering } from './context.js';
import { ONNX_DTYPE } from './graph-writer.js';
import { ONNX_TYPES, type OnnxAttributes } from './onnx-file.js';
import { isStatic } from './runtime-dims.js';
import { widen } from './weight-files.js';

/** Ops that are lowered from the table: inputs and weights have no nodes, and a matmul is planned together with its operands. */
export type NodeOp = Exclude<OpName, 'input' | 'weight' | 'matmul'>;

const unary =
  (opType: string) =>
  (_value: AnyValue, inputs: readonly string[], { writer }: LowerContext): string =>
    writer.node(opType, inputs);
const elementwise =
  (opType: string) =>
  (value: AnyValue, inputs: readonly string[], context: LowerContext): string =>
    context.writer.node(opType, elementwiseOperands(value, inputs, context));
const reduction =
  (opType: string): OpLowering<'sum' | 'max' | 'mean'> =>
  (value, [x], { writer }) => {
    const { axes, keepDims } = value.attributes;
    // ONNX takes no axes for all axes; here it means none.
    if (axes.length === 0) return x!;
    return writer.node(opType, [x!, writer.int64s(axes)], { keepdims: { int: keepDims ? 1 : 0 } });
  };
const alongAxis =
  (opType: string): OpLowering<'softmax' | 'logSoftmax'> =>
  (value, inputs, { writer }) =>
    writer.node(opType, inputs, { axis: { int: value.attributes.axis } });
const axisAttribute = (axis: number): OnnxAttributes => ({ axis: { int: axis } });

/** The lowering of each op. */
export const OP_LOWERINGS: { readonly [K in NodeOp]: OpLowering<K> } = {
  constant: (value, _inputs, context) => lowerConstant(value, context),
  iota: lowerIota,
  dimSize: (value, _inputs, { dims }) => dims.scalar(value.attributes.dim),
  neg: unary('Neg'),
  abs: unary('Abs'),
  exp: unary('Exp'),
  log: unary('Log'),
  sqrt: unary('Sqrt'),
  rsqrt: (_value, inputs, { writer }) => writer.node('Reciprocal', [writer.node('Sqrt', inputs)]),
  tanh: unary('Tanh'),
  erf: unary('Erf'),
  sigmoid: unary('Sigmoid'),
  relu: unary('Relu'),
  not: unary('Not'),
  cast: (value, [x], { writer, program }) => {
    const { to } = value.attributes;
    const from = program.values[value.inputs[0]!]!.dtype;
    return from === to ? x! : writer.node('Cast', [x!], { to: { int: ONNX_TYPES[ONNX_DTYPE[to]] } });
  },
  add: elementwise('Add'),
  sub: elementwise('Sub'),
  mul: elementwise('Mul'),
  div: elementwise('Div'),
  pow: elementwise('Pow'),
  maximum: elementwise('Max'),
  minimum: elementwise('Min'),
  equal: elementwise('Equal'),
  less: elementwise('Less'),
  lessEqual: elementwise('LessOrEqual'),
  and: elementwise('And'),
  or: elementwise('Or'),
  where: lowerWhere,
  transpose: (value, inputs, { writer }) =>
    writer.node('Transpose', inputs, { perm: { ints: value.attributes.permutation } }),
  reshape: (value, [x], context) => context.dims.reshape(x!, inputShape(value, 0, context), value.shape),
  broadcast: (value, [x], context) => spread(x!, inputShape(value, 0, context), value.shape, context),
  slice: (value, [x], { writer, dims }) => {
    const { axis, start, end } = value.attributes;
    return writer.node('Slice', [x!, dims.dim(start), dims.dim(end), writer.int64s([axis])]);
  },
  concat: (value, inputs, { writer }) => writer.node('Concat', inputs, axisAttribute(value.attributes.axis)),
  pad: (value, [x], { writer, dims }) => {
    const { axis, before, after } = value.attributes;
    return writer.node('Pad', [x!, dims.shape([before, after]), '', writer.int64s([axis])]);
  },
  gather(value, [table, indices], { writer, halves }) {
    const attributes = axisAttribute(value.attributes.axis);
    const half = halves.get(value.inputs[0]!);
    // of a table of 16 bits the rows are taken first: few of many
    if (half !== undefined) return widen(writer, writer.node('Gather', [half, indices!], attributes));
    return writer.node('Gather', [table!, indices!], attributes);
  },
  scatterAdd: lowerScatterAdd,
  sum: reduction('ReduceSum'),
  max: reduction('ReduceMax'),
  mean: reduction('ReduceMean'),
  softmax: alongAxis('Softmax'),
  logSoftmax: alongAxis('LogSoftmax'),
  stopGradient: (_value, [x]) => x!,
};

function spread(x: string, from: Shape, to: Shape, { writer, dims }: LowerContext): string {
  return shapesEqual(from, to) ? x : writer.node('Expand', [x, dims.shape(to)]);
}

/** The shape that is 1 along every axis but one. */
const alone = (rank: number, axis: number, size: Dim): Dim[] =>
  Array.from({ length: rank }, (_, i) => (i === axis ? size : 1));

function lowerIota(value: Value<'iota'>, _inputs: readonly string[], context: LowerContext): string {
  const { writer, dims } = context;
  const { axis } = value.attributes;
  const size = value.shape[axis]!;
  const line = alone(value.shape.length, axis, size);
  if (isStatic(line)) {
    const count = elementCount(line);
    const table = writer.constant(
      'int32',
      line,
      Array.from({ length: count }, (_, i) => i),
    );
    return spread(table, line, value.shape, context);
  }
  const int = (n: number): string => writer.constant('int32', [], [n]);
  const range = writer.node('Range', [int(0), dims.scalar(size), int(1)]);
  return spread(dims.reshape(range, [size], line), line, value.shape, context);
}

/** onnxruntime has no bool Where. */
function lowerWhere(value: Value<'where'>, inputs: readonly string[], context: LowerContext): string {
  const { writer } = context;
  const [condition, a, b] = elementwiseOperands(value, inputs, context) as [string, string, string];
  if (value.dtype !== 'bool') return writer.node('Where', [condition, a, b]);
  const otherwise = writer.node('And', [writer.node('Not', [condition]), b]);
  return writer.node('Or', [writer.node('And', [condition, a]), otherwise]);
}

/**
 * ScatterElements wants one index for each update, and as many axes on both sides: the index axes are made one, and
 * the indices are spread over the others.
 */
function lowerScatterAdd(
  value: Value<'scatterAdd'>,
  [updates, indices]: readonly string[],
  context: LowerContext,
): string {
  const { writer, dims } = context;
  const { axis } = value.attributes;
  const [updateShape, indexShape] = [inputShape(value, 0, context), inputShape(value, 1, context)];
  const count = multiplyDims(...indexShape);
  const flat = value.shape.map((d, i) => (i === axis ? count : d));
  const line = alone(flat.length, axis, count);
  const lined = dims.reshape(indices!, indexShape, line);
  const zeros = writer.node('ConstantOfShape', [dims.shape(value.shape)], {
    value: { tensor: writer.tensor('float', [1], [0]) },
  });
  return writer.node(
    'ScatterElements',
    [zeros, spread(lined, line, flat, context), dims.reshape(updates!, updateShape, flat)],
    { axis: { int: axis }, reduction: { text: 'add' } },
  );
}
