/** @file Programs that use every op in every form, by op (a total table): what a backend is held to first. */
import type { ProgramBuilder } from '../ir/builder/builder.js';
import { addDims, multiplyDims } from '../ir/program/dims.js';
import type { AnyValue, OpName } from '../ir/program/program.js';

/** A small program that uses an op in one form. */
export interface OpCase {
  readonly title: string;
  /** Appends the program: its inputs, the op, its outputs. */
  build(b: ProgramBuilder): void;
}
type B = ProgramBuilder;
/** `batch` and `pos` are symbols; INT_RANGE is 3, so an axis that is indexed has at least 3 places. */
const SHAPE = ['batch', 'pos', 5] as const;
const x = (b: B): AnyValue => b.input('x', 'float', SHAPE);
const n = (b: B): AnyValue => b.input('n', 'int', SHAPE);
const c = (b: B, shape: readonly (string | number)[] = SHAPE): AnyValue => b.input('c', 'bool', shape);
const positive = (b: B): AnyValue => b.add(b.abs(x(b)), 0.5);

const one = (title: string, make: (b: B) => AnyValue): OpCase => ({ title, build: (b) => b.output('y', make(b)) });
const floatUnary = (op: 'exp' | 'tanh' | 'erf' | 'sigmoid' | 'relu'): OpCase[] => [
  one('float', (b) => b.apply(op, [x(b)], {})),
];
const positiveUnary = (op: 'log' | 'sqrt' | 'rsqrt'): OpCase[] => [one('float', (b) => b.apply(op, [positive(b)], {}))];

type Binary = 'add' | 'sub' | 'mul' | 'maximum' | 'minimum' | 'equal' | 'less' | 'lessEqual';
/** Every way two shapes can meet. */
function binary(op: Binary): OpCase[] {
  const pair = (title: string, left: readonly (string | number)[], right: readonly (string | number)[]): OpCase[] =>
    (['float', 'int'] as const).map((dtype) =>
      one(`${dtype}, ${title}`, (b) => b.apply(op, [b.input('left', dtype, left), b.input('right', dtype, right)], {})),
    );
  return [
    ...pair('equal shapes', SHAPE, SHAPE),
    ...pair('scalar on the right', SHAPE, []),
    ...pair('scalar on the left', [], SHAPE),
    ...pair('lower rank', SHAPE, ['pos', 5]),
    ...pair('both stretched', ['batch', 1, 5], ['pos', 1]),
    one('number', (b) => b.apply(op, [x(b), b.constant(0.5)], {})),
    one('a constant that stretches the other', (b) =>
      b.apply(op, [b.input('row', 'float', [5]), b.constant(0.5, [3, 5])], {}),
    ),
    one('a big constant', (b) => b.apply(op, [b.input('row', 'float', [50]), b.constant(0.5, [200, 50])], {})),
    one('two constants', (b) => b.apply(op, [b.constant(0.5, [2, 3]), b.constant(2, [2, 3])], {})),
    one('with itself', (b) => b.apply(op, [x(b), x(b)], {})),
  ];
}
const logical = (op: 'and' | 'or'): OpCase[] => [
  one('equal shapes', (b) => b.apply(op, [c(b), b.input('d', 'bool', SHAPE)], {})),
  one('stretched', (b) => b.apply(op, [c(b, ['batch', 1]), b.input('d', 'bool', ['pos'])], {})),
];
function reduction(op: 'sum' | 'max' | 'mean'): OpCase[] {
  const all = [[0], [1], [2], [0, 2], [0, 1, 2], []].flatMap((axes) =>
    [true, false].map((keepDims) =>
      one(`axes [${axes}], keepDims ${keepDims}`, (b) => b.apply(op, [x(b)], { axes, keepDims })),
    ),
  );
  return op === 'mean' ? all : [...all, one('int', (b) => b.apply(op, [n(b)], { axes: [1], keepDims: false }))];
}
const normalised = (op: 'softmax' | 'logSoftmax'): OpCase[] =>
  [0, 1, 2].map((axis) => one(`axis ${axis}`, (b) => b.apply(op, [x(b)], { axis })));
const everyType = (make: (b: B, value: AnyValue) => AnyValue): OpCase[] => [
  one('float', (b) => make(b, x(b))),
  one('int', (b) => make(b, n(b))),
  one('bool', (b) => make(b, c(b))),
];

/** By op: programs that use it in every form. `batch` and `pos` are symbols. */
export const OP_CASES: { readonly [K in OpName]: readonly OpCase[] } = {
  input: [
    ...everyType((_b, value) => value),
    {
      title: 'unread',
      build: (b) => {
        n(b);
        b.output('y', x(b));
      },
    },
  ],
  weight: [
    one('as it is', (b) => b.weight('w', [4, 3])),
    one('twice', (b) => b.concat([b.weight('w', [4, 3]), b.weight('w', [4, 3])], 0)),
  ],
  constant: [
    one('scalar', (b) => b.constant(2.5)),
    one('table', (b) => b.constant([1, 2, 3, 4, 5, 6], [2, 3], 'int')),
    one('filled', (b) => b.constant(7, [2, 3])),
    one('big', (b) => b.constant(7, [100, 100])),
    one('as big as an input', (b) =>
      b.add(b.broadcast(b.constant(1, ['batch', 'pos']), ['batch', 'pos']), b.sum(x(b), 2)),
    ),
    one('bool', (b) => b.constant([1, 0, 1], [3], 'bool')),
    one('bool, big', (b) => b.or(c(b), b.and(b.constant(1, SHAPE, 'bool'), b.constant(0, SHAPE, 'bool')))),
  ],
  iota: [
    one('fixed', (b) => b.iota([2, 7], 1)),
    one('along a symbol', (b) =>
      b.lessEqual(b.iota(['pos', 'pos'], 1), b.add(b.iota(['pos', 'pos'], 0), b.input('i', 'int', ['pos']))),
    ),
    one('stretched over a symbol', (b) => b.add(b.iota(['batch', 5], 1), b.sum(n(b), 1))),
  ],
  dimSize: [
    one('symbol', (b) => b.add(b.dimSize('batch'), b.mul(n(b), 0))),
    one('polynomial', (b) =>
      b.add(b.dimSize(addDims(multiplyDims(2, 'batch', 'pos'), multiplyDims('pos', 'pos'), -3)), b.mul(n(b), 0)),
    ),
    one('number', (b) => b.dimSize(7)),
  ],
  neg: [one('float', (b) => b.neg(x(b))), one('int', (b) => b.neg(n(b)))],
  abs: [one('float', (b) => b.abs(x(b))), one('int', (b) => b.abs(b.neg(n(b))))],
  exp: floatUnary('exp'),
  log: positiveUnary('log'),
  sqrt: positiveUnary('sqrt'),
  rsqrt: positiveUnary('rsqrt'),
  tanh: floatUnary('tanh'),
  erf: floatUnary('erf'),
  sigmoid: floatUnary('sigmoid'),
  relu: floatUnary('relu'),
  not: [one('bool', (b) => b.not(c(b)))],
  cast: (['float', 'int', 'bool'] as const).flatMap((to) =>
    everyType((b, value) => b.cast(value, to)).map((k) => ({ ...k, title: `${k.title} to ${to}` })),
  ),
  add: binary('add'),
  sub: binary('sub'),
  mul: binary('mul'),
  div: [one('float', (b) => b.div(x(b), positive(b))), one('stretched', (b) => b.div(1, positive(b)))],
  pow: [
    one('number', (b) => b.pow(positive(b), 1.5)),
    one('values', (b) => b.pow(positive(b), x(b))),
    one('square', (b) => b.pow(x(b), 2)),
  ],
  maximum: binary('maximum'),
  minimum: binary('minimum'),
  equal: binary('equal'),
  less: binary('less'),
  lessEqual: binary('lessEqual'),
  and: logical('and'),
  or: logical('or'),
  where: [
    one('float', (b) => b.where(c(b), x(b), 0)),
    one('int', (b) => b.where(c(b), n(b), b.neg(n(b)))),
    one('bool', (b) => b.where(c(b), b.input('d', 'bool', SHAPE), b.input('e', 'bool', [5]))),
    one('stretched condition', (b) => b.where(c(b, ['pos', 1]), x(b), -1e9)),
    one('stretched by the condition', (b) => b.where(c(b), b.input('row', 'float', [5]), b.constant(3, [1, 5]))),
  ],
  matmul: [
    ...[false, true].flatMap((transposeA) =>
      [false, true].flatMap((transposeB) => {
        const matrix = (rows: string | number, columns: string | number, turned: boolean): (string | number)[] =>
          turned ? [columns, rows] : [rows, columns];
        const flags = `transposeA ${transposeA}, transposeB ${transposeB}`;
        const form = (title: string, left: readonly (string | number)[], right: readonly (string | number)[]): OpCase =>
          one(`${title}, ${flags}`, (b) =>
            b.matmul(
              b.input('left', 'float', [...left, ...matrix('pos', 7, transposeA)]),
              b.input('right', 'float', [...right, ...matrix(7, 3, transposeB)]),
              { transposeA, transposeB },
            ),
          );
        return [
          form('matrices', [], []),
          form('batches', ['batch', 2], ['batch', 2]),
          form('batch times matrix', ['batch', 2], []),
          form('matrix times batch', [], ['batch', 2]),
          form('one stretched', [1, 2], ['batch', 1]),
          form('ranks differ', [2], ['batch', 2]),
        ];
      }),
    ),
    one('of a weight', (b) => b.matmul(x(b), b.weight('w5', [5, 3]))),
    one('of a weight, transposed', (b) => b.matmul(x(b), b.weight('w3', [3, 5]), { transposeB: true })),
    one('of stacked matrices of a weight', (b) =>
      b.matmul(b.reshape(x(b), ['batch', 1, 'pos', 5]), b.reshape(b.weight('w3', [3, 5]), [3, 5, 1])),
    ),
  ],
  transpose: [
    ...everyType((b, value) => b.transpose(value, [2, 0, 1])),
    one('two axes', (b) => b.transpose(b.input('m', 'float', ['batch', 7]), [1, 0])),
  ],
  reshape: [
    ...everyType((b, value) => b.reshape(value, ['pos', 5, 'batch'])),
    one('joined and parted', (b) => b.reshape(b.reshape(x(b), [multiplyDims('batch', 'pos'), 5]), SHAPE)),
    one('parted otherwise', (b) => b.reshape(b.reshape(x(b), [multiplyDims('batch', 'pos', 5)]), [5, 'pos', 'batch'])),
    one('new axes', (b) => b.reshape(x(b), [1, 'batch', 1, 'pos', 5, 1])),
    one('to a scalar', (b) => b.reshape(b.sum(x(b), [0, 1, 2], true), [])),
    one('of a weight', (b) => b.reshape(b.weight('w', [4, 3]), [2, 6])),
  ],
  broadcast: [
    ...everyType((b, value) => b.broadcast(value, [2, ...value.shape])),
    one('stretched', (b) => b.broadcast(b.sum(x(b), 1, true), x(b).shape)),
    one('scalar', (b) => b.broadcast(b.sum(x(b), [0, 1, 2]), x(b).shape)),
    one('number', (b) => b.add(b.broadcast(b.constant(2), x(b).shape), x(b))),
    one('the same shape', (b) => b.broadcast(x(b), x(b).shape)),
  ],
  slice: [
    ...everyType((b, value) => b.slice(value, 2, 1, 4)),
    one('to a symbol', (b) => b.add(b.slice(b.input('long', 'float', [20, 5]), 0, 0, 'pos'), x(b))),
    one('the last position', (b) => b.slice(x(b), 1, addDims('pos', -1), 'pos')),
    one('of a weight, rows', (b) => b.slice(b.weight('w', [4, 3]), 0, 1, 3)),
    one('of a weight, columns', (b) => b.slice(b.weight('w', [4, 3]), 1, 1, 3)),
    one('of a reshaped slice of a weight', (b) =>
      b.slice(b.reshape(b.slice(b.weight('w', [4, 3]), 0, 1, 3), [1, 3, 2]), 1, 1, 2),
    ),
  ],
  concat: [
    ...everyType((b, value) => b.concat([value, value], 1)),
    one('three', (b) => b.concat([x(b), b.sum(x(b), 2, true), b.neg(x(b))], 2)),
    one('one', (b) => b.concat([x(b)], 0)),
  ],
  pad: [
    one('numbers', (b) => b.pad(x(b), 2, 1, 3)),
    one('nothing', (b) => b.pad(x(b), 0, 0, 0)),
    one('symbols', (b) => b.pad(x(b), 1, 'batch', 'pos')),
  ],
  gather: [
    one('rows of a weight', (b) => b.gather(b.weight('w', [4, 3]), n(b), 0)),
    one('middle axis', (b) => b.gather(b.input('t', 'float', ['batch', 6, 2]), b.input('i', 'int', ['pos', 2]), 1)),
    one('last axis, one index', (b) => b.gather(x(b), b.input('i', 'int', []), 2)),
    one('int', (b) => b.gather(n(b), b.input('i', 'int', ['pos']), 2)),
    one('bool', (b) => b.gather(c(b), b.input('i', 'int', ['pos']), 2)),
  ],
  scatterAdd: [
    one('rows', (b) => b.scatterAdd(x(b), b.input('i', 'int', ['batch', 'pos']), 0, 4)),
    one('middle axis', (b) => b.scatterAdd(x(b), b.input('i', 'int', ['pos']), 1, 6)),
    one('last axis', (b) => b.scatterAdd(x(b), b.input('i', 'int', [5]), 2, 3)),
    one('one index', (b) => b.scatterAdd(x(b), b.input('i', 'int', []), 2, 3)),
    one('symbolic size', (b) => b.scatterAdd(x(b), b.input('i', 'int', ['pos']), 1, addDims('batch', 3))),
  ],
  sum: reduction('sum'),
  max: reduction('max'),
  mean: reduction('mean'),
  softmax: normalised('softmax'),
  logSoftmax: normalised('logSoftmax'),
  stopGradient: [
    one('float', (b) => b.stopGradient(x(b))),
    one('of a weight', (b) => b.stopGradient(b.weight('w', [4, 3]))),
  ],
};
