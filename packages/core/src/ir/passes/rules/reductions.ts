/** @file Rules on reductions: over axes of size 1, over what is spread, and over what was moved. */
import { shapesEqual, sizeOf } from '../../program/dims.js';
import { axisGroups } from './axis-groups.js';
import { spreadOf } from './broadcasts.js';
import type { Rewriter, Rule } from './rewriter.js';

type Reduction = 'sum' | 'max' | 'mean';

/** Axes of size 1 need no reducing. */
export const dropTrivialAxes: Rule<Reduction> = (r, { op, inputs: [x], attributes: { axes, keepDims }, shape }) => {
  const own = r.shape(x!);
  const real = axes.filter((axis) => own[axis] !== 1);
  if (real.length === axes.length && axes.length > 0) return undefined;
  const reduced = real.length === 0 ? x! : r.make(op, [x!], { axes: real, keepDims });
  return r.make('reshape', [reduced], { shape });
};

/** A maximum or mean over an axis along which all is equal is that value; a sum is that value times the size. */
export const hoistReduction: Rule<Reduction> = (r, { op, inputs: [x], attributes, shape }) => {
  const spread = spreadOf(r, x!);
  if (!spread) return undefined;
  const reduced = r.make(op, [spread.core], attributes);
  const count = sizeOf(attributes.axes.filter((axis) => spread.axes.has(axis)).map((axis) => spread.shape[axis]!));
  const total =
    op === 'sum' && count !== 1 ? r.make('mul', [reduced, sizeConstant(r, count, r.value(x!).dtype)], {}) : reduced;
  return r.make('broadcast', [total], { shape });
};
function sizeConstant(r: Rewriter, count: ReturnType<typeof sizeOf>, dtype: 'float' | 'int' | 'bool'): number {
  return r.make('cast', [r.make('dimSize', [], { dim: count })], { to: dtype });
}

/** sum(reshape(y)) = reshape(sum(y)) when whole groups of axes are summed, so that sums meet the matmul below them. */
export const sumBeforeReshape: Rule<'sum'> = (r, { inputs: [x], attributes: { axes }, shape }) => {
  const inner = r.value(x!);
  if (inner.op !== 'reshape') return undefined;
  const from = r.shape(inner.inputs[0]!);
  const summed: number[] = [];
  for (const group of axisGroups(from, inner.shape)) {
    const real = group.to.filter((axis) => inner.shape[axis] !== 1);
    const count = real.filter((axis) => axes.includes(axis)).length;
    if (count === 0) continue;
    if (count < real.length) return undefined;
    summed.push(...group.from.filter((axis) => from[axis] !== 1));
  }
  if (summed.length === 0) return undefined;
  return r.make('reshape', [r.make('sum', inner.inputs, { axes: summed, keepDims: false })], { shape });
};

/** sum(transpose(y)) = transpose(sum(y)): less to move. */
export const sumBeforeTranspose: Rule<'sum'> = (r, { inputs: [x], attributes: { axes }, shape }) => {
  const inner = r.value(x!);
  if (inner.op !== 'transpose') return undefined;
  const { permutation } = inner.attributes;
  const summed = axes.map((axis) => permutation[axis]!).sort((a, b) => a - b);
  const reduced = r.make('sum', inner.inputs, { axes: summed, keepDims: true });
  return r.make('reshape', [r.make('transpose', [reduced], { permutation })], { shape });
};

/** sum(x·c) = c·sum(x), and likewise for x/c and −x, where c is the same along all summed axes: fewer products. */
export const sumBeforeFactor: Rule<'sum'> = (r, { inputs: [x], attributes: { axes }, shape }) => {
  const inner = r.value(x!);
  if (inner.op !== 'mul' && inner.op !== 'div' && inner.op !== 'neg') return undefined;
  const rank = inner.shape.length;
  const total = (id: number): number => r.make('sum', [id], { axes, keepDims: true });
  const same = (id: number): boolean =>
    axes.every((axis) => (r.shape(id)[axis - rank + r.shape(id).length] ?? 1) === 1);
  const full = (id: number): boolean => shapesEqual(r.shape(id), inner.shape);
  const finish = (id: number): number => r.make('reshape', [id], { shape });
  const [a, b] = inner.inputs as [number, number];
  if (inner.op === 'neg') return finish(r.make('neg', [total(a)], {}));
  if (full(a) && same(b)) return finish(r.make(inner.op, [total(a), b], {}));
  if (inner.op === 'mul' && full(b) && same(a)) return finish(r.make('mul', [a, total(b)], {}));
  return undefined;
};
