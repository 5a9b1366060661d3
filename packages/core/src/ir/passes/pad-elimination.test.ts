import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { programInputs } from '../../backend/check-feeds.js';
import { interpret } from '../../backend/interpreter/interpreter.js';
import { memoryWeights } from '../../backend/memory-weights.js';
import { elementCount, floatTensor } from '../../tensor/tensor.js';
import { seededFeeds, stepsApart } from '../../testing/agreement.js';
import { randomProgram } from '../../testing/random-program.js';
import { RANDOM_SIZES, sparedOps } from '../../testing/spared.js';
import { gradient } from '../autodiff/gradient.js';
import { ProgramBuilder } from '../builder/builder.js';
import { evaluateShape, multiplyDims, subtractDims } from '../program/dims.js';
import type { AnyValue, OpName, Program } from '../program/program.js';
import { eliminatePads } from './pad-elimination.js';
import { simplify } from './simplify.js';
import { pushDownSlices } from './slice-pushdown.js';

/** Gradients of the last entries of a random program's first float output, and that output. */
function gradientsOfLast(seed: number) {
  const random = randomProgram(seed);
  const b = new ProgramBuilder(random.program.name);
  for (const value of random.program.values) b.copy(value, value.inputs, value.composite);
  const of = random.program.outputs
    .map(({ id }) => b.value(id))
    .find((v) => v.dtype === 'float' && evaluateShape(v.shape, RANDOM_SIZES).some((size) => size > 1));
  if (!of) return null;
  const sizes = evaluateShape(of.shape, RANDOM_SIZES);
  const axis = sizes.indexOf(Math.max(...sizes));
  const last = b.slice(of, axis, subtractDims(of.shape[axis]!, 1), of.shape[axis]!);
  b.output('last', last);
  const floats = random.program.values.filter((v) => v.dtype === 'float' && v.id < of.id);
  const wrt = [...floats.filter((v) => v.op === 'input').slice(0, 3), ...floats.slice(-2)].map((v) => b.value(v.id));
  const total = b.mean(
    last,
    last.shape.map((_, i) => i),
  );
  gradient(b, total, wrt).forEach((g, i) => {
    b.output(`g${i}`, g);
  });
  return { program: b.build(), random };
}
describe('eliminatePads on gradients of random programs', () => {
  it('gives the same numbers with fewer zeros, through every op that has a rule', () => {
    const less = new Set<OpName>();
    fc.assert(
      fc.property(fc.nat(1e6), (seed) => {
        const found = gradientsOfLast(seed);
        fc.pre(found !== null);
        const { random } = found!;
        const program = simplify(found!.program);
        const late = simplify(eliminatePads(program));
        const both = simplify(pushDownSlices(late));
        for (const op of sparedOps(program, late, random)) less.add(op);
        sparedOps(program, both, random);
      }),
      { numRuns: 800, seed: 8 },
    );
    for (const op of [
      'mul',
      'add',
      'sum',
      'matmul',
      'transpose',
      'reshape',
      'broadcast',
      'where',
      'neg',
      'pad',
    ] as const)
      expect([...less]).toContain(op);
  });
});

type Build = (b: ProgramBuilder, x: AnyValue, y: AnyValue) => AnyValue;
/** x is zero but for its last row along axis 1, y is whole, both [2, 4, 3]. Whether less is computed: `inside`, less is summed over. */
const RULES: readonly [name: string, build: Build, less: boolean | 'inside'][] = [
  ['neg', (b, x) => b.neg(x), true],
  ['a product', (b, x, y) => b.mul(y, x), true],
  ['a product with a row for all', (b, x, y) => b.mul(x, b.slice(y, 1, 0, 1)), true],
  ['a sum with another of the same part', (b, x) => b.sub(x, b.mul(x, 2)), true],
  ['a sum with another of another part', (b, x, y) => b.add(x, b.pad(b.slice(y, 1, 0, 1), 1, 0, 3)), false],
  ['a sum with what is whole', (b, x, y) => b.add(x, y), false],
  ['a quotient by numbers', (b, x) => b.div(x, 3), true],
  ['a quotient by what may be 0', (b, x, y) => b.div(x, b.relu(y)), false],
  ['a choice of zeros', (b, x, y) => b.where(b.less(0, y), x, 0), true],
  ['a choice of others', (b, x, y) => b.where(b.less(0, y), x, 5), false],
  ['a sum before the axis', (b, x) => b.neg(b.sum(x, 0)), true],
  ['a sum over an axis after it', (b, x) => b.neg(b.sum(x, 2)), true],
  ['a sum along the axis', (b, x) => b.sum(x, [1, 2]), 'inside'],
  ['a mean along the axis', (b, x) => b.mean(x, 1), false],
  ['a mean beside the axis', (b, x) => b.neg(b.mean(x, 2, true)), true],
  ['a transpose', (b, x) => b.neg(b.transpose(x, [2, 0, 1])), true],
  ['joined axes', (b, x) => b.neg(b.reshape(x, [8, 3])), true],
  ['axes joined on both sides', (b, x) => b.neg(b.reshape(x, [24])), true],
  ['a broadcast', (b, x) => b.neg(b.broadcast(x, [5, 2, 4, 3])), true],
  ['the slice that it was padded from', (b, x) => b.exp(b.slice(x, 1, 3, 4)), 'inside'],
  ['a slice with zeros', (b, x) => b.exp(b.slice(x, 1, 2, 4)), false],
  ['a slice beside', (b, x) => b.neg(b.slice(x, 2, 1, 3)), true],
  ['a pad beside', (b, x) => b.neg(b.pad(x, 2, 1, 1)), true],
  ['pieces of the same part', (b, x) => b.neg(b.concat([x, b.mul(x, 2)], 2)), true],
  ['pieces along the axis', (b, x, y) => b.concat([x, y], 1), false],
  ['rows of a matrix product', (b, x, y) => b.matmul(x, y, { transposeB: true }), true],
  ['columns of a matrix product', (b, x, y) => b.matmul(y, x, { transposeB: true }), true],
  ['the inner axis of a matrix product', (b, x, y) => b.matmul(x, y, { transposeA: true }), 'inside'],
  ['the inner axis, on the right', (b, x, y) => b.matmul(y, x, { transposeA: true }), 'inside'],
  [
    'the batch of a matrix product',
    (b, x, y) => b.matmul(b.transpose(x, [1, 0, 2]), b.slice(y, 0, 0, 1), { transposeB: true }),
    true,
  ],
  ['exp, which makes ones of zeros', (b, x) => b.exp(x), false],
];

describe('eliminatePads, rule by rule', () => {
  it.each(RULES)('%s', (_, build, less) => {
    const b = new ProgramBuilder('rule');
    const x = b.pad(b.input('x', 'float', [2, 1, 3]), 1, 3, 0);
    b.output('out', build(b, x, b.input('y', 'float', [2, 4, 3])));
    const before = b.build();
    const after = simplify(eliminatePads(before));
    const weights = memoryWeights({});
    const feeds = seededFeeds(before, {}, 11);
    const run = (program: Program) => {
      const names = programInputs(program).map(({ attributes: { name } }) => name);
      return interpret(program, Object.fromEntries(names.map((name) => [name, feeds[name]!])), weights);
    };
    expect(stepsApart(run(after), run(before))).toBeLessThan(1e-6);
    const numbers = (program: Program): number =>
      program.values
        .filter(({ op }) => !['input', 'pad', 'slice', 'constant', 'reshape', 'broadcast'].includes(op))
        .reduce((sum, { shape }) => sum + elementCount(shape as number[]), 0);
    const plain = simplify(before);
    if (less === true) expect(numbers(after)).toBeLessThan(numbers(plain));
    else expect(numbers(after)).toBe(numbers(plain));
    if (less === 'inside') expect(after.values.some(({ op }) => op === 'pad')).toBe(false);
  });
});

describe('eliminatePads', () => {
  /** dΣ(last row of tanh(x·w)·v)/dx and what is contracted with it over all tokens. */
  function tokens(): Program {
    const b = new ProgramBuilder('tokens');
    const x = b.input('x', 'float', ['batch', 'pos', 4]);
    const rows = b.reshape(x, [multiplyDims('batch', 'pos'), 4]);
    const hidden = b.tanh(b.matmul(rows, b.weight('w', [4, 7])));
    const y = b.reshape(b.matmul(hidden, b.weight('v', [7, 3])), ['batch', 'pos', 3]);
    const pos = y.shape[1]!;
    const [g] = gradient(b, b.sum(b.slice(y, 1, subtractDims(pos, 1), pos), [0, 1, 2]), [x]);
    const d = b.exp(b.input('d', 'float', [5, 'batch', 'pos', 4]));
    const flat = b.reshape(d, [5, multiplyDims('batch', 'pos', 4)]);
    b.output('scores', b.matmul(b.reshape(g!, [1, multiplyDims('batch', 'pos', 4)]), flat, { transposeB: true })); // [1, 5]
    return simplify(b.build());
  }
  const sizes = { batch: 2, pos: 6 };

  it('goes back through a layer for one row a prompt, and sums over that row alone', () => {
    const late = simplify(pushDownSlices(simplify(eliminatePads(tokens()))));
    const shapes = (op: OpName) =>
      late.values.filter((value) => value.op === op).map(({ shape }) => evaluateShape(shape, sizes).join('×'));
    expect(shapes('pad')).toEqual([]);
    expect(shapes('exp')).toEqual(['5×2×1×4']);
    expect(shapes('tanh')).toEqual(['2×7']);
    const feeds = {
      x: floatTensor(
        Float64Array.from({ length: 48 }, (_, i) => Math.sin(i)),
        [2, 6, 4],
      ),
      d: floatTensor(
        Float64Array.from({ length: 240 }, (_, i) => Math.cos(i)),
        [5, 2, 6, 4],
      ),
    };
    const weights = memoryWeights({
      w: { shape: [4, 7], data: Float32Array.from({ length: 28 }, (_, i) => Math.sin(3 * i)) },
      v: { shape: [7, 3], data: Float32Array.from({ length: 21 }, (_, i) => Math.cos(3 * i)) },
    });
    const [wanted, got] = [tokens(), late].map((program) => interpret(program, feeds, weights).scores!.data);
    wanted!.forEach((value, i) => expect(got![i]).toBeCloseTo(value, 10));
  });
  it('leaves a program without pads as it is', () => {
    const b = new ProgramBuilder('plain');
    b.output('y', b.exp(b.input('x', 'float', ['n'])));
    const program = b.build();
    expect(eliminatePads(program)).toBe(program);
  });
});
