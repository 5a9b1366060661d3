/** @file A sum over heads of per-head matmuls becomes one matmul, when nothing else reads the per-head products. */
import { type Dim, type Shape, sizeOf } from '../../program/dims.js';
import type { Program, Value } from '../../program/program.js';
import type { Rewriter } from './rewriter.js';

/** One operand of the product: its id in the program being written, and its shape with all batch axes written out. */
interface Operand {
  readonly id: number;
  readonly shape: Shape;
}

/**
 * Σ over batch axes of a [batch…, m, k] · w [batch…, k, n]: the summed axes join the inner axis, so that w is only
 * reshaped and a transposed once. Where one operand has size 1 along a summed axis, the other is summed before the
 * product. Left alone where w would have to be transposed (stored [n, k], or with own batch axes in the way).
 * `map` takes ids of the old program to the one being written, `uses` counts the readers in the old one.
 */
export function mergeHeadSum(
  r: Rewriter,
  program: Program,
  uses: readonly number[],
  sum: Value<'sum'>,
  map: readonly number[],
): number | undefined {
  const old = program.values[sum.inputs[0]!]!;
  if (old.op !== 'matmul' || uses[old.id] !== 1) return undefined;
  const product = r.value(map[old.id]!);
  if (product.op !== 'matmul') return undefined;
  const batch = product.shape.length - 2;
  const { axes } = sum.attributes;
  if (axes.length === 0 || axes.some((axis) => axis >= batch)) return undefined;
  const aligned = (id: number): Operand => {
    const own = r.shape(id);
    const shape = [...new Array<Dim>(batch + 2 - own.length).fill(1), ...own];
    return { id: r.make('reshape', [id], { shape }), shape };
  };
  const a = aligned(product.inputs[0]!);
  const w = aligned(product.inputs[1]!);
  const onlyA = axes.filter((axis) => w.shape[axis] === 1 && a.shape[axis] !== 1);
  const onlyW = axes.filter((axis) => a.shape[axis] === 1 && w.shape[axis] !== 1);
  if (onlyA.length + onlyW.length > 0) {
    const early = (operand: Operand, over: readonly number[]): number =>
      over.length > 0 ? r.make('sum', [operand.id], { axes: over, keepDims: true }) : operand.id;
    const smaller = r.make('matmul', [early(a, onlyA), early(w, onlyW)], product.attributes);
    return r.make('sum', [smaller], sum.attributes);
  }
  const merged = joinInnerAxes(r, a, w, product as Value<'matmul'>, axes);
  return merged === undefined ? undefined : r.make('reshape', [merged], { shape: sum.shape });
}

/** Both operands have all of the summed axes; gives [rest…, m, n] up to a reshape. */
function joinInnerAxes(
  r: Rewriter,
  a: Operand,
  w: Operand,
  { attributes, shape }: Value<'matmul'>,
  axes: readonly number[],
): number | undefined {
  const { transposeA, transposeB } = attributes;
  if (transposeB) return undefined;
  const batch = shape.length - 2;
  const rest = shape.slice(0, batch).flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
  const [m, n] = shape.slice(batch) as [Dim, Dim];
  const k = a.shape[batch + (transposeA ? 0 : 1)]!;
  const joined = sizeOf([...axes.map((axis) => shape[axis]!), k]);
  const sharedW = rest.every((axis) => w.shape[axis] === 1);
  // With own batch axes, w stays in place only if these come before the summed ones.
  if (!sharedW && rest.some((axis) => axes.some((summed) => summed < axis))) return undefined;
  const lead = sharedW ? [] : rest.map((axis) => w.shape[axis]!);
  const right = r.make('reshape', [w.id], { shape: [...lead, joined, n] });
  const leadA = rest.map((axis) => a.shape[axis]!);
  const inOrder = rest.every((axis) => axes.every((summed) => axis < summed));
  if (transposeA && inOrder && (!sharedW || sizeOf(leadA) === 1)) {
    const left = r.make('reshape', [a.id], { shape: [...(sharedW ? [] : leadA), joined, m] });
    return r.make('matmul', [left, right], { transposeA: true, transposeB: false });
  }
  const [row, inner] = transposeA ? [batch + 1, batch] : [batch, batch + 1];
  const moved = r.make('transpose', [a.id], { permutation: [...rest, row, ...axes, inner] });
  const rows = sharedW ? [sizeOf([...leadA, m])] : [...leadA, m];
  const left = r.make('reshape', [moved], { shape: [...rows, joined] });
  return r.make('matmul', [left, right], { transposeA: false, transposeB: false });
}
