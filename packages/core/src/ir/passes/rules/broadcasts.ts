/** @file Hoisting of broadcasts: each rule makes broadcast(op(core)) of op(broadcast(core)), so that what is the same along an axis is computed once. */
import type { ElementwiseOp } from '../../ops/op-traits.js';
import { dimsEqual, type Shape } from '../../program/dims.js';
import type { AnyValue } from '../../program/program.js';
import { axisGroups } from './axis-groups.js';
import { scalarOf } from './constants.js';
import type { Rewriter, Rule } from './rewriter.js';

/** A value that is a broadcast: what it is spread from (same rank), and along which axes. */
export interface Spread {
  readonly core: number;
  readonly shape: Shape;
  readonly axes: ReadonlySet<number>;
}
/** What a value is spread from; undefined where it is no broadcast. */
export function spreadOf(r: Rewriter, id: number): Spread | undefined {
  const value = r.value(id);
  if (value.op !== 'broadcast') return undefined;
  const core = value.inputs[0]!;
  const coreShape = r.shape(core);
  const axes = value.shape.flatMap((d, axis) => (coreShape[axis] === 1 && d !== 1 ? [axis] : []));
  return { core, shape: value.shape, axes: new Set(axes) };
}
/** The value with size 1 along `hoisted`, still spread along its other axes. */
function without(r: Rewriter, id: number, hoisted: ReadonlySet<number>): number {
  const spread = spreadOf(r, id);
  if (!spread) return id;
  return r.make('broadcast', [spread.core], { shape: spread.shape.map((d, axis) => (hoisted.has(axis) ? 1 : d)) });
}
const outward = (r: Rewriter, id: number, shape: Shape): number => r.make('broadcast', [id], { shape });
const select = (axes: ReadonlySet<number>, keep: (axis: number) => boolean): Set<number> =>
  new Set([...axes].filter(keep));

/** A broadcast itself: its core gets the full rank; one of a broadcast is one; one that spreads nothing is a reshape or nothing. */
export const tidyBroadcast: Rule<'broadcast'> = (r, { inputs, shape }) => {
  const [x] = inputs as [number];
  const own = r.shape(x);
  if (own.length < shape.length) {
    return outward(r, r.make('reshape', [x], { shape: [...shape.slice(own.length).map(() => 1), ...own] }), shape);
  }
  if (own.every((d, axis) => dimsEqual(d, shape[axis]!))) return x;
  const spread = spreadOf(r, x);
  return spread ? outward(r, spread.core, shape) : undefined;
};

/** A table filled with one number is that number, spread. */
export const spreadConstant: Rule<'constant'> = (r, { attributes, dtype, shape }) => {
  if (attributes.data.length !== 1 || shape.every((d) => d === 1)) return undefined;
  return outward(
    r,
    r.leaf(
      'constant',
      attributes,
      dtype,
      shape.map(() => 1),
    ),
    shape,
  );
};
/** An iota counts along one axis and is spread along the others. */
export const spreadIota: Rule<'iota'> = (r, { attributes, dtype, shape }) => {
  const core = shape.map((d, axis) => (axis === attributes.axis ? d : 1));
  if (core.every((d, axis) => dimsEqual(d, shape[axis]!))) return undefined;
  return outward(r, r.leaf('iota', attributes, dtype, core), shape);
};

/** Elementwise ops broadcast by themselves: no operand needs to be spread first, and a filled table is a plain number. */
export const hoistElementwise: Rule<ElementwiseOp> = (r, { op, inputs, attributes, shape }) => {
  const cores = inputs.map((id) => spreadOf(r, id)?.core ?? id).map((id) => bareScalar(r, id));
  if (cores.every((core, i) => core === inputs[i])) return undefined;
  return outward(r, r.make(op, cores, attributes), shape);
};
function bareScalar(r: Rewriter, id: number): number {
  const x = scalarOf(r, id);
  if (x === undefined || r.shape(id).length === 0) return id;
  return r.leaf('constant', { data: [x] }, r.value(id).dtype, []);
}

/** Axes are moved before they are spread. */
export const hoistTranspose: Rule<'transpose'> = (r, { inputs, attributes, shape }) => {
  const spread = spreadOf(r, inputs[0]!);
  return spread && outward(r, r.make('transpose', [spread.core], attributes), shape);
};

/** Goes through where all of a group of axes is spread: [H, B, P, D] → [H, B·P, D], [H, …] → [KV, g, …]. */
export const hoistReshape: Rule<'reshape'> = (r, { inputs, shape }) => {
  const spread = spreadOf(r, inputs[0]!);
  if (!spread) return undefined;
  const hoisted = new Set<number>();
  const inner = [...shape];
  for (const { from, to } of axisGroups(spread.shape, shape)) {
    const real = from.filter((axis) => spread.shape[axis] !== 1);
    if (real.length === 0 || !real.every((axis) => spread.axes.has(axis))) continue;
    for (const axis of real) hoisted.add(axis);
    for (const axis of to) inner[axis] = 1;
  }
  if (hoisted.size === 0) return undefined;
  return outward(r, r.make('reshape', [without(r, inputs[0]!, hoisted)], { shape: inner }), shape);
};

/** Cut before it is spread; along a spread axis there is nothing to cut. */
export const hoistSlice: Rule<'slice'> = (r, { inputs, attributes, shape }) => {
  const spread = spreadOf(r, inputs[0]!);
  if (!spread) return undefined;
  return outward(r, spread.axes.has(attributes.axis) ? spread.core : r.make('slice', [spread.core], attributes), shape);
};

/** For ops that treat one axis, and leave the others as they are. */
export const hoistBeside: Rule<'pad' | 'softmax' | 'logSoftmax'> = (r, { op, inputs, attributes, shape }) => {
  const spread = spreadOf(r, inputs[0]!);
  const hoisted = spread && select(spread.axes, (axis) => axis !== attributes.axis);
  if (!hoisted?.size) return undefined;
  return outward(r, r.make(op, [without(r, inputs[0]!, hoisted)], attributes), shape);
};

/** Goes through where all operands are spread along the same axis, which is not that of the op. */
export const hoistConcat: Rule<'concat'> = (r, { inputs, attributes, shape }) => {
  const spreads = inputs.map((id) => spreadOf(r, id));
  const [first] = spreads;
  if (!first) return undefined;
  const hoisted = select(first.axes, (axis) => axis !== attributes.axis && spreads.every((s) => s?.axes.has(axis)));
  if (hoisted.size === 0) return undefined;
  return outward(
    r,
    r.make(
      'concat',
      inputs.map((id) => without(r, id, hoisted)),
      attributes,
    ),
    shape,
  );
};

/** Rows are taken before the other axes are spread, and by indices that are not spread. */
export const hoistGather: Rule<'gather'> = (r, { inputs, attributes, shape }) => {
  const [data, indices] = inputs as [number, number];
  const spread = spreadOf(r, data);
  const hoisted = spread && select(spread.axes, (axis) => axis !== attributes.axis);
  const bare = spreadOf(r, indices)?.core ?? indices;
  if (!hoisted?.size && bare === indices) return undefined;
  return outward(r, r.make('gather', [hoisted?.size ? without(r, data, hoisted) : data, bare], attributes), shape);
};
/** Added up before axes other than the indexed one are spread. */
export const hoistScatterAdd: Rule<'scatterAdd'> = (r, { inputs, attributes, shape }) => {
  const [updates, indices] = inputs as [number, number];
  const after = attributes.axis + r.shape(indices).length;
  const spread = spreadOf(r, updates);
  const hoisted = spread && select(spread.axes, (axis) => axis < attributes.axis || axis >= after);
  if (!hoisted?.size) return undefined;
  return outward(r, r.make('scatterAdd', [without(r, updates, hoisted), indices], attributes), shape);
};

/** Matmul broadcasts its batch axes by itself; rows and columns that are all the same go outward too; the inner axis stays. */
export const hoistMatmul: Rule<'matmul'> = (r, { inputs, attributes, shape }) => {
  const [a, b] = inputs as [number, number];
  const bare = (id: number, innerFromEnd: number): number => {
    const spread = spreadOf(r, id);
    if (!spread) return id;
    const hoisted = select(spread.axes, (axis) => axis !== spread.shape.length - innerFromEnd);
    return hoisted.size > 0 ? without(r, id, hoisted) : id;
  };
  const cores = [bare(a, attributes.transposeA ? 2 : 1), bare(b, attributes.transposeB ? 1 : 2)];
  if (cores[0] === a && cores[1] === b) return undefined;
  return outward(r, r.make('matmul', cores, attributes), shape);
};

/** The value that does the work after hoisting: what is spread, when the result is a broadcast. */
export const workOf = (r: Rewriter, original: AnyValue, id: number): number =>
  original.op === 'broadcast' ? id : (spreadOf(r, id)?.core ?? id);
