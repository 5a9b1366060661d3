/** @file The shape rule of every op: the dtype and shape of its result. A total table, so that an op without a rule does not compile. */
import { AutoCircuitError } from '../../errors/error.js';
import type { DType } from '../../tensor/tensor.js';
import {
  addDims,
  broadcastShapes,
  type Dim,
  dimsEqual,
  type Shape,
  shapeKey,
  shapesEqual,
  sizeOf,
  subtractDims,
} from '../program/dims.js';
import type { OpAttributes, OpName } from '../program/program.js';
import type { LeafOp } from './op-traits.js';

/** What a rule sees of each input. */
export interface Typed {
  readonly dtype: DType;
  readonly shape: Shape;
}
/** Gives dtype and shape of the result. @throws AutoCircuitError `wrong-shape`, `wrong-dtype` or `invalid-program`, of kind internal */
export type ShapeRule<K extends OpName> = (inputs: readonly Typed[], attributes: OpAttributes[K]) => Typed;

function fail(
  what: string,
  got?: string,
  code: 'wrong-shape' | 'wrong-dtype' | 'invalid-program' = 'wrong-shape',
): never {
  throw new AutoCircuitError({ code, where: 'core/ir', what, ...(got === undefined ? {} : { got }), kind: 'internal' });
}
function only(inputs: readonly Typed[], count: number): void {
  if (inputs.length !== count)
    fail('wrong number of inputs', `${inputs.length} instead of ${count}`, 'invalid-program');
}
function want(input: Typed, ...dtypes: readonly DType[]): void {
  if (!dtypes.includes(input.dtype))
    fail('wrong dtype', `${input.dtype} instead of ${dtypes.join(' or ')}`, 'wrong-dtype');
}
/** The axis itself. @throws AutoCircuitError `wrong-shape` when a value of this rank does not have it */
export function checkedAxis(axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < 0 || axis >= rank) fail('axis out of range', `${axis} for rank ${rank}`);
  return axis;
}

const floatUnary = ([x, ...rest]: readonly Typed[]): Typed => {
  only([x!, ...rest], 1);
  want(x!, 'float');
  return x!;
};
const binary =
  (dtypes: readonly DType[], result?: DType) =>
  (inputs: readonly Typed[]): Typed => {
    only(inputs, 2);
    const [a, b] = inputs as [Typed, Typed];
    want(a, ...dtypes);
    want(b, a.dtype);
    return { dtype: result ?? a.dtype, shape: broadcastShapes(a.shape, b.shape) };
  };
const arithmetic = binary(['float', 'int']);
const comparison = binary(['float', 'int'], 'bool');

const reduction =
  (dtypes: readonly DType[]) =>
  (
    inputs: readonly Typed[],
    { axes, keepDims }: { readonly axes: readonly number[]; readonly keepDims: boolean },
  ): Typed => {
    only(inputs, 1);
    const [x] = inputs as [Typed];
    want(x, ...dtypes);
    for (const axis of axes) checkedAxis(axis, x.shape.length);
    const shape = keepDims
      ? x.shape.map((d, i) => (axes.includes(i) ? 1 : d))
      : x.shape.filter((_, i) => !axes.includes(i));
    return { dtype: x.dtype, shape };
  };
const alongAxis = (inputs: readonly Typed[], { axis }: { readonly axis: number }): Typed => {
  const x = floatUnary(inputs);
  checkedAxis(axis, x.shape.length);
  return x;
};
const replaceAxis = (shape: Shape, axis: number, size: Dim): Shape => shape.map((d, i) => (i === axis ? size : d));

/** The rule of each op that is no leaf. */
export const SHAPE_RULES: { readonly [K in Exclude<OpName, LeafOp>]: ShapeRule<K> } = {
  dimSize: (inputs) => {
    only(inputs, 0);
    return { dtype: 'int', shape: [] };
  },
  neg: ([x]) => x!,
  abs: ([x]) => x!,
  exp: floatUnary,
  log: floatUnary,
  sqrt: floatUnary,
  rsqrt: floatUnary,
  tanh: floatUnary,
  erf: floatUnary,
  sigmoid: floatUnary,
  relu: floatUnary,
  not: (inputs) => {
    only(inputs, 1);
    want(inputs[0]!, 'bool');
    return inputs[0]!;
  },
  cast: (inputs, { to }) => {
    only(inputs, 1);
    return { dtype: to, shape: inputs[0]!.shape };
  },
  add: arithmetic,
  sub: arithmetic,
  mul: arithmetic,
  div: binary(['float']),
  pow: binary(['float']),
  maximum: arithmetic,
  minimum: arithmetic,
  equal: comparison,
  less: comparison,
  lessEqual: comparison,
  and: binary(['bool']),
  or: binary(['bool']),
  where: (inputs) => {
    only(inputs, 3);
    const [condition, a, b] = inputs as [Typed, Typed, Typed];
    want(condition, 'bool');
    want(b, a.dtype);
    return { dtype: a.dtype, shape: broadcastShapes(condition.shape, broadcastShapes(a.shape, b.shape)) };
  },
  matmul: (inputs, { transposeA, transposeB }) => {
    only(inputs, 2);
    const [a, b] = inputs as [Typed, Typed];
    want(a, 'float');
    want(b, 'float');
    if (a.shape.length < 2 || b.shape.length < 2)
      fail('matmul needs matrices', `${shapeKey(a.shape)} and ${shapeKey(b.shape)}`);
    const matrix = (shape: Shape, transposed: boolean): [Dim, Dim] => {
      const [rows, columns] = shape.slice(-2) as [Dim, Dim];
      return transposed ? [columns, rows] : [rows, columns];
    };
    const [m, k] = matrix(a.shape, transposeA);
    const [k2, n] = matrix(b.shape, transposeB);
    if (!dimsEqual(k, k2)) fail('matmul inner dims differ', `${shapeKey(a.shape)} and ${shapeKey(b.shape)}`);
    return { dtype: 'float', shape: [...broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n] };
  },
  transpose: (inputs, { permutation }) => {
    only(inputs, 1);
    const [x] = inputs as [Typed];
    const sorted = [...permutation].sort((a, b) => a - b);
    if (sorted.length !== x.shape.length || sorted.some((p, i) => p !== i))
      fail('not a permutation', `[${permutation}] for ${shapeKey(x.shape)}`);
    return { dtype: x.dtype, shape: permutation.map((p) => x.shape[p]!) };
  },
  reshape: (inputs, { shape }) => {
    only(inputs, 1);
    const [x] = inputs as [Typed];
    if (!dimsEqual(sizeOf(x.shape), sizeOf(shape)))
      fail('reshape changes the number of elements', `${shapeKey(x.shape)} to ${shapeKey(shape)}`);
    return { dtype: x.dtype, shape };
  },
  broadcast: (inputs, { shape }) => {
    only(inputs, 1);
    const [x] = inputs as [Typed];
    if (!shapesEqual(broadcastShapes(x.shape, shape), shape))
      fail('cannot broadcast', `${shapeKey(x.shape)} to ${shapeKey(shape)}`);
    return { dtype: x.dtype, shape };
  },
  slice: (inputs, { axis, start, end }) => {
    only(inputs, 1);
    const [x] = inputs as [Typed];
    checkedAxis(axis, x.shape.length);
    return { dtype: x.dtype, shape: replaceAxis(x.shape, axis, subtractDims(end, start)) };
  },
  concat: (inputs, { axis }) => {
    if (inputs.length === 0) fail('concat of nothing', undefined, 'invalid-program');
    const [first] = inputs as [Typed];
    checkedAxis(axis, first.shape.length);
    for (const x of inputs) {
      want(x, first.dtype);
      if (!shapesEqual(replaceAxis(x.shape, axis, 0), replaceAxis(first.shape, axis, 0))) {
        fail('concat of unlike shapes', inputs.map((i) => shapeKey(i.shape)).join(' and '));
      }
    }
    return { dtype: first.dtype, shape: replaceAxis(first.shape, axis, addDims(...inputs.map((x) => x.shape[axis]!))) };
  },
  pad: (inputs, { axis, before, after }) => {
    only(inputs, 1);
    const [x] = inputs as [Typed];
    want(x, 'float');
    checkedAxis(axis, x.shape.length);
    return { dtype: x.dtype, shape: replaceAxis(x.shape, axis, addDims(before, x.shape[axis]!, after)) };
  },
  gather: (inputs, { axis }) => {
    only(inputs, 2);
    const [x, indices] = inputs as [Typed, Typed];
    want(indices, 'int');
    checkedAxis(axis, x.shape.length);
    return { dtype: x.dtype, shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)] };
  },
  scatterAdd: (inputs, { axis, size }) => {
    only(inputs, 2);
    const [updates, indices] = inputs as [Typed, Typed];
    want(updates, 'float');
    want(indices, 'int');
    const after = axis + indices.shape.length;
    if (!shapesEqual(updates.shape.slice(axis, after), indices.shape))
      fail('scatterAdd updates do not match its indices', `${shapeKey(updates.shape)} and ${shapeKey(indices.shape)}`);
    return { dtype: 'float', shape: [...updates.shape.slice(0, axis), size, ...updates.shape.slice(after)] };
  },
  sum: reduction(['float', 'int']),
  max: reduction(['float', 'int']),
  mean: reduction(['float']),
  softmax: alongAxis,
  logSoftmax: alongAxis,
  stopGradient: ([x]) => x!,
};
