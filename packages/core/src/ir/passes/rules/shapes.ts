/** @file Rules on ops that only move elements: two in a row become one, and one that does nothing is dropped. */
import { addDims, type Dim, dimsEqual, shapesEqual } from '../../program/dims.js';
import type { Rule } from './rewriter.js';

/** A reshape to its own shape is nothing; one of a reshape is one; a constant is stored under the new shape. */
export const tidyReshape: Rule<'reshape'> = (r, { inputs: [x], shape }) => {
  const inner = r.value(x!);
  if (shapesEqual(inner.shape, shape)) return x;
  if (inner.op === 'reshape') return r.make('reshape', inner.inputs, { shape });
  if (inner.op === 'constant' && shape.every((d) => typeof d === 'number'))
    return r.leaf('constant', inner.attributes, inner.dtype, shape);
  return undefined;
};

/** A transpose of a transpose is one; where only axes of size 1 move it is a reshape. */
export const tidyTranspose: Rule<'transpose'> = (r, { inputs: [x], attributes: { permutation }, shape }) => {
  const inner = r.value(x!);
  if (inner.op === 'transpose') {
    const composed = permutation.map((p) => inner.attributes.permutation[p]!);
    return r.make('transpose', inner.inputs, { permutation: composed });
  }
  // Moving only axes of size 1 moves no element.
  const moved = permutation.filter((p) => inner.shape[p] !== 1);
  if (moved.every((p, i) => i === 0 || moved[i - 1]! < p)) return r.make('reshape', [x!], { shape });
  return undefined;
};

/** A slice of everything is nothing; one of just one operand of a concat is that operand. */
export const tidySlice: Rule<'slice'> = (r, { inputs: [x], attributes: { axis, start, end } }) => {
  const inner = r.value(x!);
  if (start === 0 && dimsEqual(end, inner.shape[axis]!)) return x;
  if (inner.op !== 'concat' || inner.attributes.axis !== axis) return undefined;
  let from = addDims(0);
  for (const operand of inner.inputs) {
    const to = addDims(from, r.shape(operand)[axis]!);
    if (dimsEqual(from, start) && dimsEqual(to, end)) return operand;
    from = to;
  }
  return undefined;
};
/** Padding with nothing is nothing. */
export const tidyPad: Rule<'pad'> = (_, { inputs: [x], attributes: { before, after } }) =>
  before === 0 && after === 0 ? x : undefined;
/** The sum of two padded neighbours is their concat, padded: what gradients of neighbouring slices add up to. */
export const joinPads: Rule<'add'> = (r, { inputs: [a, b], shape }) => {
  const [x, y] = [r.value(a!), r.value(b!)];
  if (x.op !== 'pad' || y.op !== 'pad' || x.attributes.axis !== y.attributes.axis) return undefined;
  if (!shapesEqual(x.shape, shape) || !shapesEqual(y.shape, shape)) return undefined;
  const { axis } = x.attributes;
  const endOf = ({ attributes, inputs: [core] }: typeof x): Dim => addDims(attributes.before, r.shape(core!)[axis]!);
  const pair = dimsEqual(endOf(x), y.attributes.before)
    ? ([x, y] as const)
    : dimsEqual(endOf(y), x.attributes.before)
      ? ([y, x] as const)
      : undefined;
  if (!pair) return undefined;
  const [first, second] = pair;
  const joined = r.make('concat', [first.inputs[0]!, second.inputs[0]!], { axis });
  return r.make('pad', [joined], { axis, before: first.attributes.before, after: second.attributes.after });
};
/** One operand alone is itself. */
export const tidyConcat: Rule<'concat'> = (_, { inputs }) => (inputs.length === 1 ? inputs[0] : undefined);

/** A swap of the two matrix axes becomes a flag. */
export const absorbTransposes: Rule<'matmul'> = (r, { inputs, attributes }) => {
  const unswapped = inputs.map((id) => {
    const value = r.value(id);
    if (value.op !== 'transpose') return undefined;
    const { permutation } = value.attributes;
    const last = permutation.length - 1;
    const swaps = permutation.every((p, i) => p === (i === last ? last - 1 : i === last - 1 ? last : i));
    return swaps ? value.inputs[0] : undefined;
  });
  const [a, b] = unswapped;
  if (a === undefined && b === undefined) return undefined;
  return r.make('matmul', [a ?? inputs[0]!, b ?? inputs[1]!], {
    transposeA: attributes.transposeA !== (a !== undefined),
    transposeB: attributes.transposeB !== (b !== undefined),
  });
};
