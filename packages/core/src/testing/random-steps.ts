/** @file How each op is put into a random program: a total table, so that a new op must be exercised, too. */
import { addDims, type Dim, multiplyDims, sizeOf } from '../ir/program/dims.js';
import type { AnyValue, OpName } from '../ir/program/program.js';
import type { Entry, RandomPool } from './random-pool.js';

type Step = (pool: RandomPool) => void;

const unary =
  (make: (pool: RandomPool, x: AnyValue) => AnyValue, bound: (bound: number) => number): Step =>
  (pool) => {
    const x = pool.any('float');
    pool.add(make(pool, x.value), bound(x.bound));
  };
/** Keeps the operand within what exp can take. */
const small = ({ b }: RandomPool, x: AnyValue): AnyValue => b.tanh(x);
/** Between 0.5 and 2.5. */
const positive = ({ b }: RandomPool, x: AnyValue): AnyValue => b.add(b.mul(b.tanh(x), 1), 1.5);

function pair(pool: RandomPool): [Entry, Entry] {
  const x = pool.any('float');
  const y = pool.ofShape(pool.thinned(x.value.shape));
  return pool.random.chance(0.5) ? [x, y] : [y, x];
}
const binary =
  (make: (pool: RandomPool, x: AnyValue, y: AnyValue) => AnyValue, bound: (x: number, y: number) => number): Step =>
  (pool) => {
    const [x, y] = pair(pool);
    pool.add(make(pool, x.value, y.value), bound(x.bound, y.bound));
  };
const comparison =
  (op: 'equal' | 'less' | 'lessEqual'): Step =>
  (pool) => {
    const x = pool.any(pool.random.chance(0.5) ? 'float' : 'int', (e) => e.exact);
    const y = x.value.dtype === 'float' ? pool.b.constant(0.25) : pool.b.constant(1, [], 'int');
    pool.add(pool.b.apply(op, pool.random.chance(0.5) ? [x.value, y] : [y, x.value], {}), 1, true);
  };
const logical =
  (op: 'and' | 'or'): Step =>
  (pool) => {
    const { b } = pool;
    const x = pool.any('bool').value;
    const y = x.shape.length > 0 ? b.less(b.iota(x.shape.slice(-1), 0), 2) : b.constant(1, [], 'bool');
    pool.add(b.apply(op, [x, y], {}), 1, true);
  };
const ranked = (pool: RandomPool, rank: number): Entry => pool.any('float', (e) => e.value.shape.length >= rank);
const reduction =
  (op: 'sum' | 'max' | 'mean'): Step =>
  (pool) => {
    const { value, bound } = ranked(pool, 1);
    const axes = value.shape.flatMap((_, axis) => (pool.random.chance(0.5) ? [axis] : []));
    const count = op === 'sum' ? axes.reduce((n, axis) => n * pool.sizes(value.shape)[axis]!, 1) : 1;
    pool.add(pool.b[op](value, axes, pool.random.chance(0.4)), bound * count);
  };
const alongAxis =
  (op: 'softmax' | 'logSoftmax'): Step =>
  (pool) => {
    const { value, bound } = ranked(pool, 1);
    pool.add(
      pool.b.apply(op, [value], { axis: pool.random.below(value.shape.length) }),
      op === 'softmax' ? 1 : 2 * bound + 6,
    );
  };
/** Moves elements about; exact stays exact. */
const move =
  (rank: number, make: (pool: RandomPool, x: AnyValue) => AnyValue | undefined): Step =>
  (pool) => {
    const { value, bound, exact } = ranked(pool, rank);
    const moved = make(pool, value);
    if (moved) pool.add(moved, bound, exact);
  };
/** An axis of fixed size, or undefined. */
function fixedAxis(pool: RandomPool, x: AnyValue): number | undefined {
  const axes = x.shape.flatMap((d, axis) => (typeof d === 'number' ? [axis] : []));
  return axes.length > 0 ? pool.random.pick(axes) : undefined;
}

function reshaped({ b, random }: RandomPool, x: AnyValue): AnyValue {
  const axis = random.below(x.shape.length);
  const [d, next] = [x.shape[axis]!, x.shape[axis + 1]];
  const [head, tail] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  if (d === 4 && random.chance(0.7)) return b.reshape(x, [...head, 2, 2, ...tail]);
  if (next !== undefined && random.chance(0.7)) return b.reshape(x, [...head, multiplyDims(d, next), ...tail.slice(1)]);
  return random.chance(0.5) ? b.reshape(x, [...head, d, 1, ...tail]) : b.reshape(x, [sizeOf(x.shape)]);
}

function gathered(pool: RandomPool, x: AnyValue): AnyValue {
  const axis = pool.random.below(x.shape.length);
  const shape = pool.random.pick<readonly Dim[]>([[], [2], [1, 3], pool.b.constant(0, ['pos']).shape]);
  const { value: indices } = pool.input('int', shape, pool.sizes(x.shape)[axis]!);
  const spread = shape.length > 0 && pool.random.chance(0.3) ? pool.b.broadcast(indices, [2, ...shape]) : indices;
  return pool.b.gather(x, spread, axis);
}

const matmul: Step = (pool) => {
  const { random, b } = pool;
  const x = ranked(pool, 2);
  const { shape } = x.value;
  const [transposeA, transposeB] = [random.chance(0.3), random.chance(0.5)];
  const k = shape[shape.length - (transposeA ? 2 : 1)]!;
  const n = random.pick([1, 2, 3]);
  const y = pool.ofShape([...pool.thinned(shape.slice(0, -2)), ...(transposeB ? [n, k] : [k, n])]);
  const product = b.matmul(x.value, y.value, { transposeA, transposeB });
  const bound = x.bound * y.bound * pool.sizes([k])[0]!;
  const batch = product.shape.length - 2;
  // What simplify looks for: a sum over batch axes right after, sometimes with a reshape between.
  if (batch === 0 || random.chance(0.4)) return void pool.add(product, bound);
  const axes = Array.from({ length: batch }, (_, axis) => axis).filter(() => random.chance(0.7));
  const between = random.chance(0.5)
    ? b.reshape(product, [...product.shape.slice(0, -1), 1, ...product.shape.slice(-1)])
    : product;
  const count = axes.reduce((total, axis) => total * pool.sizes(product.shape)[axis]!, 1);
  pool.add(b.sum(between, axes), bound * count);
};

/** layerNorm over the last axis, or silu, marked as composites. */
export const compositeStep: Step = (pool) => {
  const { b, random } = pool;
  const { value: x, bound } = ranked(pool, 1);
  if (random.chance(0.5)) return void pool.add(b.composite(b.mul(x, b.sigmoid(x)), 'silu', [x]), bound);
  const centred = b.sub(x, b.mean(x, -1, true));
  const scale = b.rsqrt(b.add(b.mean(b.mul(centred, centred), -1, true), 0.1));
  pool.add(b.composite(b.mul(centred, scale), 'layerNorm', [x], { epsilon: 0.1 }), 4);
};

/** By op: appends it to a random program, on values that suit it. */
export const RANDOM_STEPS: { readonly [K in OpName]: Step } = {
  input: (pool) => void pool.input(pool.random.pick(['float', 'int', 'bool']), pool.randomShape()),
  weight: (pool) => void pool.weight(pool.sizes(pool.randomShape())),
  constant: (pool) => void pool.constant(pool.randomShape()),
  iota: (pool) => {
    const { shape } = ranked(pool, 1).value;
    pool.add(pool.b.iota(shape, pool.random.below(shape.length)), 20, true);
  },
  dimSize: (pool) => {
    const size = pool.b.dimSize(pool.random.pick(['batch', 'pos', addDims('batch', 'pos', 1), 3]));
    pool.add(pool.b.cast(size, 'float'), 6, true);
  },
  neg: unary(
    ({ b }, x) => b.neg(x),
    (x) => x,
  ),
  abs: unary(
    ({ b }, x) => b.abs(x),
    (x) => x,
  ),
  exp: unary(
    (pool, x) => pool.b.exp(small(pool, x)),
    () => 3,
  ),
  log: unary(
    (pool, x) => pool.b.log(positive(pool, x)),
    () => 1,
  ),
  sqrt: unary(
    (pool, x) => pool.b.sqrt(positive(pool, x)),
    () => 2,
  ),
  rsqrt: unary(
    (pool, x) => pool.b.rsqrt(positive(pool, x)),
    () => 2,
  ),
  tanh: unary(
    ({ b }, x) => b.tanh(x),
    () => 1,
  ),
  erf: unary(
    ({ b }, x) => b.erf(x),
    () => 1,
  ),
  sigmoid: unary(
    ({ b }, x) => b.sigmoid(x),
    () => 1,
  ),
  relu: unary(
    ({ b }, x) => b.relu(x),
    (x) => x,
  ),
  not: (pool) => void pool.add(pool.b.not(pool.any('bool').value), 1, true),
  cast: (pool) => {
    const from = pool.any(pool.random.pick(['float', 'int', 'bool']), (e) => e.exact);
    pool.add(pool.b.cast(from.value, pool.random.pick(['float', 'int', 'bool'])), from.bound, true);
  },
  add: binary(
    ({ b }, x, y) => b.add(x, y),
    (x, y) => x + y,
  ),
  sub: binary(
    ({ b }, x, y) => b.sub(x, y),
    (x, y) => x + y,
  ),
  mul: binary(
    ({ b }, x, y) => b.mul(x, y),
    (x, y) => x * y,
  ),
  div: binary(
    (pool, x, y) => pool.b.div(x, positive(pool, y)),
    (x) => 2 * x,
  ),
  pow: binary(
    (pool, x, y) =>
      pool.b.pow(positive(pool, x), pool.random.chance(0.4) ? pool.random.pick([1, 2, 3]) : small(pool, y)),
    () => 16,
  ),
  maximum: binary(({ b }, x, y) => b.maximum(x, y), Math.max),
  minimum: binary(({ b }, x, y) => b.minimum(x, y), Math.max),
  equal: comparison('equal'),
  less: comparison('less'),
  lessEqual: comparison('lessEqual'),
  and: logical('and'),
  or: logical('or'),
  where: (pool) => {
    const [x, y] = pair(pool);
    const condition = pool.b.less(pool.input('float', pool.thinned(x.value.shape)).value, 0.1);
    pool.add(pool.b.where(condition, x.value, y.value), Math.max(x.bound, y.bound));
  },
  matmul,
  transpose: move(2, ({ b, random }, x) => b.transpose(x, random.shuffle(x.shape.map((_, axis) => axis)))),
  reshape: move(1, reshaped),
  broadcast: move(0, (pool, x) => {
    const spread = x.shape.map((d) => (d === 1 && pool.random.chance(0.7) ? pool.random.pick([2, 3]) : d));
    return pool.b.broadcast(
      x,
      pool.random.chance(0.7) ? [pool.random.pick<Dim | string>([2, 3, 'batch']), ...spread] : spread,
    );
  }),
  slice: move(1, (pool, x) => {
    const axis = fixedAxis(pool, x);
    if (axis === undefined) return undefined;
    const size = x.shape[axis] as number;
    const start = pool.random.below(size);
    return pool.b.slice(x, axis, start, start + 1 + pool.random.below(size - start));
  }),
  concat: (pool) => {
    const x = ranked(pool, 1);
    const y = pool.random.chance(0.5) ? x : pool.ofShape(x.value.shape);
    pool.add(
      pool.b.concat([x.value, y.value], pool.random.below(x.value.shape.length)),
      Math.max(x.bound, y.bound),
      x.exact && y.exact,
    );
  },
  pad: move(1, ({ b, random }, x) => b.pad(x, random.below(x.shape.length), random.below(2), random.below(3))),
  gather: move(1, gathered),
  scatterAdd: (pool) => {
    const { value, bound } = ranked(pool, 1);
    const axis = pool.random.below(value.shape.length);
    const indices = pool.input('int', [value.shape[axis]!], 3).value;
    pool.add(pool.b.scatterAdd(value, indices, axis, 3), bound * pool.sizes(value.shape)[axis]!);
  },
  sum: reduction('sum'),
  max: reduction('max'),
  mean: reduction('mean'),
  softmax: alongAxis('softmax'),
  logSoftmax: alongAxis('logSoftmax'),
  stopGradient: unary(
    ({ b }, x) => b.stopGradient(x),
    (x) => x,
  ),
};
