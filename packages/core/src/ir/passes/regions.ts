/** @file Parts of values: the entries of one axis that `pushDownSlices` computes alone, and outside of which `eliminatePads` knows zeros. */

import { SHAPE_RULES } from '../ops/shape-rules.js';
import { type Dim, dimKey, dimsEqual, multiplyDims, type Shape, subtractDims } from '../program/dims.js';
import type { Rewriter, RuleTable } from './rules/rewriter.js';

/**
 * Entries `start` to `end` of an axis that is `outer` × `inner` × `trailing`, in this order, where they count `inner`: a slice
 * still in sight when other axes have been joined with it. Axes as their factors.
 */
export interface Part {
  readonly axis: number;
  readonly outer: Shape;
  readonly inner: Dim;
  readonly trailing: Shape;
  readonly start: Dim;
  readonly end: Dim;
}
/** Of an axis of this size, by itself. */
export const partOf = (axis: number, size: Dim, start: Dim, end: Dim): Part => ({
  axis,
  outer: [],
  inner: size,
  trailing: [],
  start,
  end,
});

export const partKey = ({ axis, outer, inner, trailing, start, end }: Part): string =>
  [axis, ...[multiplyDims(...outer), inner, multiplyDims(...trailing), start, end].map(dimKey)].join(' ');
export const samePart = (a: Part, b: Part): boolean => partKey(a) === partKey(b);

/** The part of an operand whose axes are aligned with the result's at their last; null where it is broadcast along that axis. */
export function alignedPart(part: Part, result: Shape, operand: Shape): Part | null {
  const axis = part.axis - result.length + operand.length;
  return axis < 0 || operand[axis] === 1 ? null : { ...part, axis };
}

/** The same elements in another shape; undefined where they are no part of one axis there. */
export function reshapedPart(part: Part, from: Shape, to: Shape): Part | undefined {
  const { axis, outer, inner, trailing } = part;
  const factors = [...from.slice(0, axis), ...outer, inner, ...trailing, ...from.slice(axis + 1)];
  const found = axisWith(factors, axis + outer.length, to);
  return found && { ...part, ...found };
}

/** The axis of a shape that holds the factor at `place` of the same elements in order, and what else it holds around it. */
function axisWith(factors: Shape, place: number, shape: Shape): Pick<Part, 'axis' | 'outer' | 'trailing'> | undefined {
  const ends = factors.map((_, i) => dimKey(multiplyDims(...factors.slice(0, i)))); // products before each factor
  let before: Dim = 1;
  for (const [axis, dim] of shape.entries()) {
    const after = multiplyDims(before, dim);
    // The last place with as many elements before it: factors of 1 belong to what comes before.
    const first = ends.lastIndexOf(dimKey(before), place);
    const last = [...ends, dimKey(multiplyDims(...factors))].indexOf(dimKey(after), place + 1);
    if (dim !== 1 && first >= 0 && last >= 0) {
      return { axis, outer: factors.slice(first, place), trailing: factors.slice(place + 1, last) };
    }
    before = after;
  }
  return undefined;
}

// ---- writing ----------------------------------------------------------------------------------------------------
/** Values are made as they are: simplify has its turn before and after. */
export const NO_RULES = Object.fromEntries(
  ['input', 'weight', 'constant', 'iota', ...Object.keys(SHAPE_RULES)].map((op) => [op, []]),
) as never as RuleTable;

/** The shape of the part alone. */
export function cutShape(shape: Shape, { axis, outer, start, end, trailing }: Part): Shape {
  const size = multiplyDims(...outer, subtractDims(end, start), ...trailing);
  return shape.map((d, i) => (i === axis ? size : d));
}

/** The part of a value of this shape. */
export function cut(r: Rewriter, id: number, shape: Shape, part: Part): number {
  const { axis, start, end } = part;
  if (isAxis(part)) return r.make('slice', [id], { axis, start, end });
  const apart = r.make('reshape', [id], { shape: axisApart(shape, part) });
  const sliced = r.make('slice', [apart], { axis: axis + 1, start, end });
  return r.make('reshape', [sliced], { shape: cutShape(shape, part) });
}

/** A value of this shape that is zero but for the part. */
export function padded(r: Rewriter, id: number, shape: Shape, part: Part): number {
  const { axis, inner, start, end } = part;
  const around = { before: start, after: subtractDims(inner, end) };
  if (isAxis(part)) return r.make('pad', [id], { axis, ...around });
  const whole = axisApart(shape, part);
  const apart = r.make('reshape', [id], {
    shape: whole.map((d, i) => (i === axis + 1 ? subtractDims(end, start) : d)),
  });
  return r.make('reshape', [r.make('pad', [apart], { axis: axis + 1, ...around })], { shape });
}

export const isAxis = ({ outer, trailing }: Part): boolean => [...outer, ...trailing].every((d) => dimsEqual(d, 1));
const axisApart = (shape: Shape, { axis, outer, inner, trailing }: Part): Shape => [
  ...shape.slice(0, axis),
  multiplyDims(...outer),
  inner,
  multiplyDims(...trailing),
  ...shape.slice(axis + 1),
];
