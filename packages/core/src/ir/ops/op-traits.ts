/**
 * @file The facts about each op that more than one pass or backend needs: one total table, so that an op without its facts
 * does not compile. Whoever asks "is this elementwise?" asks here.
 */
import type { OpName } from '../program/program.js';

/**
 * What an op does.
 * - leaf: it has no operands, and whoever makes it says its dtype and shape.
 * - dimension: the size of a dim as a number.
 * - elementwise: each number of the result is a function of the operands' numbers at that place.
 * - movement: the result's numbers are the operands', moved, repeated or left out, and zeros beside them.
 * - indexing: it moves or adds up what an operand of indices says.
 * - contraction: products, summed over an axis that both operands have.
 * - reduction: one number for all entries of some axes.
 * - normalisation: each number depends on all entries of one axis, which stays.
 */
export type OpKind =
  | 'leaf'
  | 'dimension'
  | 'elementwise'
  | 'movement'
  | 'indexing'
  | 'contraction'
  | 'reduction'
  | 'normalisation';

/**
 * How an axis of the result is found in the operands.
 * - none: there are no operands.
 * - aligned: operands are aligned with the result at their last axes; along an axis where one has size 1 it is repeated.
 * - beside: every axis is at the same place in each operand, and only `attributes.axis` is treated otherwise.
 * - reduced: `attributes.axes` are reduced, and the others keep their order.
 * - own: as the op itself says (a permutation, a reshape, matrices, indices).
 */
export type AxisTrait = 'none' | 'aligned' | 'beside' | 'reduced' | 'own';

/**
 * Where the result is zero because operands are.
 * - never: zeros say nothing (exp 0 is 1).
 * - all: where all operands are zero (indices aside).
 * - any: where any operand is zero, as long as the others are finite.
 * - first: where the first operand is zero and the second is not.
 */
export type ZeroTrait = 'never' | 'all' | 'any' | 'first';

/** The facts about one op. */
export interface OpTraits {
  readonly kind: OpKind;
  /** How many operands it takes; `many`: one or more. */
  readonly operands: 0 | 1 | 2 | 3 | 'many';
  readonly axes: AxisTrait;
  readonly zeros: ZeroTrait;
  /** The result holds its operand's numbers in their order under its own shape: it needs no memory of its own. */
  readonly alias: boolean;
  /** A runtime may write the result into an operand of the same size that nothing reads afterwards. */
  readonly inPlace: boolean;
  /** Its float result is rounded; the results of the others are exact, or as exact as their operands. */
  readonly rounds: boolean;
}

const LEAF = {
  kind: 'leaf',
  operands: 0,
  axes: 'none',
  zeros: 'never',
  alias: false,
  inPlace: false,
  rounds: false,
} as const;
const UNARY = { ...LEAF, kind: 'elementwise', operands: 1, axes: 'aligned', inPlace: true } as const;
const ROUNDED = { ...UNARY, rounds: true } as const;
const BINARY = { ...UNARY, operands: 2, zeros: 'all' } as const;
/** The result is bool: its numbers take less memory than their operands'. */
const COMPARISON = { ...BINARY, zeros: 'never', inPlace: false } as const;
const MOVEMENT = { ...UNARY, kind: 'movement', zeros: 'all', inPlace: false } as const;
const REDUCTION = { ...MOVEMENT, kind: 'reduction', axes: 'reduced' } as const;
const NORMALISATION = { ...ROUNDED, kind: 'normalisation', axes: 'beside' } as const;
const INDEXING = { ...MOVEMENT, kind: 'indexing', operands: 2, axes: 'own' } as const;

/** The facts about every op. */
export const OP_TRAITS = Object.freeze({
  input: LEAF,
  weight: LEAF,
  constant: LEAF,
  iota: LEAF,
  dimSize: { ...LEAF, kind: 'dimension' },

  neg: { ...UNARY, zeros: 'all' },
  abs: { ...UNARY, zeros: 'all' },
  exp: ROUNDED,
  log: ROUNDED,
  sqrt: { ...ROUNDED, zeros: 'all' },
  rsqrt: ROUNDED,
  tanh: { ...ROUNDED, zeros: 'all' },
  erf: { ...ROUNDED, zeros: 'all' },
  sigmoid: ROUNDED,
  relu: { ...UNARY, zeros: 'all' },
  not: { ...UNARY, inPlace: false },
  cast: { ...UNARY, zeros: 'all', inPlace: false },
  stopGradient: { ...UNARY, zeros: 'all', alias: true, inPlace: false },

  add: { ...BINARY, rounds: true },
  sub: { ...BINARY, rounds: true },
  mul: { ...BINARY, zeros: 'any', rounds: true },
  div: { ...BINARY, zeros: 'first', rounds: true },
  pow: { ...BINARY, zeros: 'never', rounds: true },
  maximum: BINARY,
  minimum: BINARY,
  equal: COMPARISON,
  less: { ...COMPARISON, zeros: 'all' },
  lessEqual: COMPARISON,
  and: { ...COMPARISON, zeros: 'any' },
  or: { ...COMPARISON, zeros: 'all' },
  where: { ...BINARY, operands: 3 },

  matmul: { ...INDEXING, kind: 'contraction', zeros: 'any', rounds: true },

  transpose: { ...MOVEMENT, axes: 'own' },
  reshape: { ...MOVEMENT, axes: 'own', alias: true },
  broadcast: MOVEMENT,
  slice: { ...MOVEMENT, axes: 'beside' },
  concat: { ...MOVEMENT, operands: 'many', axes: 'beside' },
  pad: { ...MOVEMENT, axes: 'beside' },
  gather: INDEXING,
  scatterAdd: { ...INDEXING, rounds: true },

  sum: { ...REDUCTION, rounds: true },
  max: REDUCTION,
  mean: { ...REDUCTION, rounds: true },
  softmax: NORMALISATION,
  logSoftmax: NORMALISATION,
} as const satisfies { readonly [K in OpName]: OpTraits });

/** The ops whose trait T has the value X: `OpsWith<'kind', 'leaf'>`. */
export type OpsWith<T extends keyof OpTraits, X extends OpTraits[T]> = {
  [K in OpName]: (typeof OP_TRAITS)[K][T] extends X ? K : never;
}[OpName];

/** Ops without operands, which are given their dtype and shape by whoever makes them. */
export type LeafOp = OpsWith<'kind', 'leaf'>;
/** Ops that work number by number. */
export type ElementwiseOp = OpsWith<'kind', 'elementwise'>;

/** Every op there is. */
export const OP_NAMES: readonly OpName[] = Object.freeze(Object.keys(OP_TRAITS) as OpName[]);

/** A table with the same entry for every op. */
export const forEveryOp = <T>(entry: T): { readonly [K in OpName]: T } =>
  Object.fromEntries(OP_NAMES.map((op) => [op, entry])) as { [K in OpName]: T };

/** Whether the op is a leaf: it has no operands and no shape rule. */
export const isLeaf = (op: OpName): op is LeafOp => OP_TRAITS[op].kind === 'leaf';

/** Whether operands of different shapes are broadcast against each other, number by number: `add`, `less`, `where`, … */
export const broadcastsOperands = (op: OpName): boolean => {
  const { kind, operands } = OP_TRAITS[op];
  return kind === 'elementwise' && operands !== 1;
};
