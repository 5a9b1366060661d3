/** @file Regions of values: entries of one axis, which slice pushdown computes alone and outside of which pad elimination knows zeros. */

import { forEveryOp } from '../ops/op-traits.js';
import { type Dim, dimKey, dimsEqual, multiplyDims, type Shape, subtractDims } from '../program/dims.js';
import type { Rewriter, RuleTable } from './rules/rewriter.js';

/**
 * The entries `start` to `end` (excluded) of an axis. The axis may have been joined with others by a reshape: its size is then
 * `outer` × `inner` × `trailing` in row-major order, and `start` and `end` count along `inner`.
 */
export interface Region {
  readonly axis: number;
  readonly outer: Shape;
  readonly inner: Dim;
  readonly trailing: Shape;
  readonly start: Dim;
  readonly end: Dim;
}
/** A region of an axis that is joined with no other; `size` is that of the axis. */
export const regionOf = (axis: number, size: Dim, start: Dim, end: Dim): Region => ({
  axis,
  outer: [],
  inner: size,
  trailing: [],
  start,
  end,
});

/** Equal regions have equal keys. */
export const regionKey = ({ axis, outer, inner, trailing, start, end }: Region): string =>
  [axis, ...[multiplyDims(...outer), inner, multiplyDims(...trailing), start, end].map(dimKey)].join(' ');
/** Whether two regions are the same entries of the same axis. */
export const sameRegion = (a: Region, b: Region): boolean => regionKey(a) === regionKey(b);

/** What a region of the result needs of an operand that is aligned with it at the last axes; null where the operand is repeated along that axis. */
export function alignedRegion(region: Region, result: Shape, operand: Shape): Region | null {
  const axis = region.axis - result.length + operand.length;
  return axis < 0 || operand[axis] === 1 ? null : { ...region, axis };
}

/** The same elements after a reshape; undefined where they are not a region of one axis there. */
export function reshapedRegion(region: Region, from: Shape, to: Shape): Region | undefined {
  const { axis, outer, inner, trailing } = region;
  const factors = [...from.slice(0, axis), ...outer, inner, ...trailing, ...from.slice(axis + 1)];
  const found = axisWith(factors, axis + outer.length, to);
  return found && { ...region, ...found };
}

/** The axis of a shape that holds the factor at `place` of the same elements in order, and what else it holds around it. */
function axisWith(
  factors: Shape,
  place: number,
  shape: Shape,
): Pick<Region, 'axis' | 'outer' | 'trailing'> | undefined {
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
/** Rules for a pass that makes values as they are: simplify has its turn before and after. */
export const NO_RULES: RuleTable = forEveryOp([]);

/** The shape of a region of a value of this shape. */
export function cutShape(shape: Shape, { axis, outer, start, end, trailing }: Region): Shape {
  const size = multiplyDims(...outer, subtractDims(end, start), ...trailing);
  return shape.map((d, i) => (i === axis ? size : d));
}

/** Makes the region of a value of this shape; returns its id. */
export function cut(r: Rewriter, id: number, shape: Shape, region: Region): number {
  const { axis, start, end } = region;
  if (isAxis(region)) return r.make('slice', [id], { axis, start, end });
  const apart = r.make('reshape', [id], { shape: axisApart(shape, region) });
  const sliced = r.make('slice', [apart], { axis: axis + 1, start, end });
  return r.make('reshape', [sliced], { shape: cutShape(shape, region) });
}

/** Makes the value of this shape that has the value `id` in the region and zeros elsewhere; returns its id. */
export function padded(r: Rewriter, id: number, shape: Shape, region: Region): number {
  const { axis, inner, start, end } = region;
  const around = { before: start, after: subtractDims(inner, end) };
  if (isAxis(region)) return r.make('pad', [id], { axis, ...around });
  const whole = axisApart(shape, region);
  const apart = r.make('reshape', [id], {
    shape: whole.map((d, i) => (i === axis + 1 ? subtractDims(end, start) : d)),
  });
  return r.make('reshape', [r.make('pad', [apart], { axis: axis + 1, ...around })], { shape });
}

/** Whether the axis is joined with no other. */
export const isAxis = ({ outer, trailing }: Region): boolean => [...outer, ...trailing].every((d) => dimsEqual(d, 1));
const axisApart = (shape: Shape, { axis, outer, inner, trailing }: Region): Shape => [
  ...shape.slice(0, axis),
  multiplyDims(...outer),
  inner,
  multiplyDims(...trailing),
  ...shape.slice(axis + 1),
];
