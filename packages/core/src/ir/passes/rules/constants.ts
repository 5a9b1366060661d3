/** @file Rules on constants: folding, and neutral elements. */

import type { DType } from '../../../tensor/tensor.js';
import { BINARY, UNARY } from '../../ops/scalars.js';
import type { Shape } from '../../program/dims.js';
import type { Rewriter, Rule } from './rewriter.js';

/** The number that fills a constant of one element; undefined for anything else. */
export function scalarOf(r: Rewriter, id: number): number | undefined {
  const value = r.value(id);
  if (value.op !== 'constant' || value.attributes.data.length !== 1) return undefined;
  return value.shape.every((d) => d === 1) ? value.attributes.data[0] : undefined;
}
const STORED: Readonly<Record<DType, (x: number) => number>> = {
  float: (x) => x,
  int: (x) => x | 0,
  bool: (x) => (x === 0 ? 0 : 1),
};
const constant = (r: Rewriter, x: number, dtype: DType, shape: Shape): number =>
  r.leaf('constant', { data: [STORED[dtype](x)] }, dtype, shape);
const spread = (r: Rewriter, id: number, shape: Shape): number => r.make('broadcast', [id], { shape });

/** f(number) is a number. */
export const foldUnary: Rule<keyof typeof UNARY> = (r, { op, inputs, dtype, shape }) => {
  const x = scalarOf(r, inputs[0]!);
  return x === undefined ? undefined : constant(r, UNARY[op](x), dtype, shape);
};
/** f(number, number) is a number. */
export const foldBinary: Rule<keyof typeof BINARY> = (r, { op, inputs, dtype, shape }) => {
  const x = scalarOf(r, inputs[0]!);
  const y = scalarOf(r, inputs[1]!);
  return x === undefined || y === undefined ? undefined : constant(r, BINARY[op](x, y), dtype, shape);
};
/** A cast to its own dtype is nothing; one of a number is a number. */
export const foldCast: Rule<'cast'> = (r, { inputs: [x], attributes: { to }, shape }) => {
  if (r.value(x!).dtype === to) return x;
  const number = scalarOf(r, x!);
  return number === undefined ? undefined : constant(r, to === 'int' ? Math.trunc(number) : number, to, shape);
};
/** The size of a fixed dim is a number. */
export const foldDimSize: Rule<'dimSize'> = (r, { attributes: { dim } }) =>
  typeof dim === 'number' ? constant(r, dim, 'int', []) : undefined;
/** Where the condition is a number, one branch is left. */
export const chooseBranch: Rule<'where'> = (r, { inputs: [condition, a, b], shape }) => {
  const known = scalarOf(r, condition!);
  return known === undefined ? undefined : spread(r, known === 0 ? b! : a!, shape);
};

/** f(x, neutral) = x, and, where `bothSides`, f(neutral, x) = x. */
export const neutral =
  (element: number, bothSides: boolean): Rule<'add' | 'sub' | 'mul' | 'div' | 'pow'> =>
  (r, { inputs: [x, y], shape }) => {
    if (scalarOf(r, y!) === element) return spread(r, x!, shape);
    return bothSides && scalarOf(r, x!) === element ? spread(r, y!, shape) : undefined;
  };
/** x² is x·x. */
export const squareOfPow: Rule<'pow'> = (r, { inputs: [x, y], shape }) =>
  scalarOf(r, y!) === 2 ? spread(r, r.make('mul', [x!, x!], {}), shape) : undefined;
/** f(f(x)) = x. */
export const involution: Rule<'neg' | 'not'> = (r, { op, inputs: [x] }) => {
  const inner = r.value(x!);
  return inner.op === op ? inner.inputs[0] : undefined;
};
