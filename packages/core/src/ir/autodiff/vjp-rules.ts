/** @file The VJP rule of every op (how a gradient passes from its result to its operands): a total table, so that an op without a rule does not compile. */
import type { ProgramBuilder } from '../builder/builder.js';
import { addDims, sizeOf, subtractDims } from '../program/dims.js';
import type { AnyValue, OpAttributes, OpName } from '../program/program.js';

/** What a rule sees: a value, what it was made of, and the gradient that has arrived at it. */
export interface Differentiated<K extends OpName = OpName> {
  readonly b: ProgramBuilder;
  readonly value: AnyValue;
  readonly attributes: OpAttributes[K];
  readonly inputs: readonly AnyValue[];
  /** The gradient with respect to `value`, of its shape. */
  readonly gradient: AnyValue;
}
/**
 * For each operand its vector-Jacobian product with the gradient, built only when asked for; undefined where none flows. It may
 * have the shape of the value instead of the operand's: the caller sums over the axes that were broadcast.
 */
export type VjpRule<K extends OpName = OpName> = (at: Differentiated<K>) => readonly ((() => AnyValue) | undefined)[];

const unary =
  (rule: (b: ProgramBuilder, g: AnyValue, x: AnyValue, y: AnyValue) => AnyValue): VjpRule =>
  ({ b, gradient, inputs, value }) => [() => rule(b, gradient, inputs[0]!, value)];

/** A reduction's gradient with the reduced axes back as size 1. */
function keepAxes({ b, inputs, attributes }: Differentiated<'sum' | 'max' | 'mean'>, y: AnyValue): AnyValue {
  if (attributes.keepDims) return y;
  return b.reshape(
    y,
    inputs[0]!.shape.map((d, axis) => (attributes.axes.includes(axis) ? 1 : d)),
  );
}
/** maximum and minimum: where both operands are equal each takes half. */
const extremum =
  (wins: (b: ProgramBuilder, mine: AnyValue, other: AnyValue) => AnyValue): VjpRule =>
  ({ b, gradient: g, inputs }) => {
    const [x, y] = inputs as [AnyValue, AnyValue];
    const share = (mine: AnyValue, other: AnyValue) => (): AnyValue =>
      b.where(wins(b, mine, other), g, b.where(b.equal(mine, other), b.mul(g, 0.5), 0));
    return [share(x, y), share(y, x)];
  };

/** The rule of each op; `none` where no gradient flows to any operand. */
export const VJP_RULES: { readonly [K in OpName]: 'none' | VjpRule<K> } = {
  input: 'none',
  weight: 'none',
  constant: 'none',
  iota: 'none',
  dimSize: 'none',
  not: 'none',
  equal: 'none',
  less: 'none',
  lessEqual: 'none',
  and: 'none',
  or: 'none',
  stopGradient: 'none',
  neg: unary((b, g) => b.neg(g)),
  // At 0 the gradient is 0, halfway between its two sides.
  abs: unary((b, g, x) => b.where(b.less(0, x), g, b.where(b.less(x, 0), b.neg(g), 0))),
  exp: unary((b, g, _, y) => b.mul(g, y)),
  log: unary((b, g, x) => b.div(g, x)),
  sqrt: unary((b, g, _, y) => b.div(b.mul(g, 0.5), y)),
  rsqrt: unary((b, g, _, y) => b.mul(b.mul(g, -0.5), b.mul(y, b.mul(y, y)))),
  tanh: unary((b, g, _, y) => b.mul(g, b.sub(1, b.mul(y, y)))),
  erf: unary((b, g, x) => b.mul(g, b.mul(b.exp(b.neg(b.mul(x, x))), 2 / Math.sqrt(Math.PI)))),
  sigmoid: unary((b, g, _, y) => b.mul(g, b.mul(y, b.sub(1, y)))),
  relu: unary((b, g, x) => b.where(b.less(0, x), g, 0)),
  cast: unary((_, g) => g),
  add: ({ gradient: g }) => [() => g, () => g],
  sub: ({ b, gradient: g }) => [() => g, () => b.neg(g)],
  mul: ({ b, gradient: g, inputs }) => {
    const [x, y] = inputs as [AnyValue, AnyValue];
    // A square gives one contribution instead of two equal ones.
    if (x.id === y.id) return [() => b.mul(b.mul(g, 2), x)];
    return [() => b.mul(g, y), () => b.mul(g, x)];
  },
  div: ({ b, gradient: g, inputs: [, y], value }) => [() => b.div(g, y!), () => b.neg(b.div(b.mul(g, value), y!))],
  pow: ({ b, gradient: g, inputs, value }) => {
    const [x, y] = inputs as [AnyValue, AnyValue];
    return [
      () => b.mul(g, b.mul(y, b.pow(x, b.sub(y, 1)))),
      // log x is taken only where it exists; elsewhere the exponent has no gradient.
      () => b.where(b.less(0, x), b.mul(g, b.mul(value, b.log(b.where(b.less(0, x), x, 1)))), 0),
    ];
  },
  maximum: extremum((b, mine, other) => b.less(other, mine)),
  minimum: extremum((b, mine, other) => b.less(mine, other)),
  where: ({ b, gradient: g, inputs: [condition] }) => [
    undefined,
    () => b.where(condition!, g, 0),
    () => b.where(condition!, 0, g),
  ],
  // With A = op(a), B = op(b), Y = A·B: dA = G·Bᵀ and dB = Aᵀ·G; the flags say which of them are stored transposed.
  matmul: ({ b, gradient: g, inputs, attributes: { transposeA, transposeB } }) => {
    const [x, y] = inputs as [AnyValue, AnyValue];
    return [
      () =>
        transposeA
          ? b.matmul(y, g, { transposeA: transposeB, transposeB: true })
          : b.matmul(g, y, { transposeB: !transposeB }),
      () =>
        transposeB
          ? b.matmul(g, x, { transposeA: true, transposeB: transposeA })
          : b.matmul(x, g, { transposeA: !transposeA }),
    ];
  },
  transpose: ({ b, gradient: g, attributes: { permutation } }) => [
    () =>
      b.transpose(
        g,
        permutation.map((_, axis) => permutation.indexOf(axis)),
      ),
  ],
  reshape: ({ b, gradient: g, inputs: [x] }) => [() => b.reshape(g, x!.shape)],
  broadcast: ({ gradient: g }) => [() => g],
  slice: ({ b, gradient: g, inputs: [x], attributes: { axis, start, end } }) => [
    () => b.pad(g, axis, start, subtractDims(x!.shape[axis]!, end)),
  ],
  concat: ({ b, gradient: g, inputs, attributes: { axis } }) =>
    inputs.map((x, index) => () => {
      const start = addDims(...inputs.slice(0, index).map((before) => before.shape[axis]!));
      return b.slice(g, axis, start, addDims(start, x.shape[axis]!));
    }),
  pad: ({ b, gradient: g, inputs: [x], attributes: { axis, before } }) => [
    () => b.slice(g, axis, before, addDims(before, x!.shape[axis]!)),
  ],
  gather: ({ b, gradient: g, inputs: [x, indices], attributes: { axis } }) => [
    () => b.scatterAdd(g, indices!, axis, x!.shape[axis]!),
    undefined,
  ],
  scatterAdd: ({ b, gradient: g, inputs: [, indices], attributes: { axis } }) => [
    () => b.gather(g, indices!, axis),
    undefined,
  ],
  sum: (at) => [() => at.b.broadcast(keepAxes(at, at.gradient), at.inputs[0]!.shape)],
  mean: (at) => [
    () => {
      const { b, inputs, attributes } = at;
      const { shape } = inputs[0]!;
      const count = sizeOf(attributes.axes.map((axis) => shape[axis]!));
      const divisor = typeof count === 'number' ? count : b.cast(b.dimSize(count), 'float');
      return b.broadcast(b.div(keepAxes(at, at.gradient), divisor), shape);
    },
  ],
  // Ties share equally.
  max: (at) => [
    () => {
      const { b, inputs, attributes, value } = at;
      const isMax = b.cast(b.equal(inputs[0]!, keepAxes(at, value)), 'float');
      const ties = b.sum(isMax, attributes.axes, true);
      return b.mul(isMax, b.div(keepAxes(at, at.gradient), ties));
    },
  ],
  softmax: ({ b, gradient: g, value, attributes: { axis } }) => [
    () => b.mul(value, b.sub(g, b.sum(b.mul(g, value), axis, true))),
  ],
  logSoftmax: ({ b, gradient: g, value, attributes: { axis } }) => [
    () => b.sub(g, b.mul(b.exp(value), b.sum(g, axis, true))),
  ],
};
