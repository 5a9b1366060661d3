import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interpret } from '../../backend/interpreter/interpreter.js';
import { memoryWeights } from '../../backend/memory-weights.js';
import { elementCount, floatTensor } from '../../tensor/tensor.js';
import { ProgramBuilder } from '../builder/builder.js';
import { checkProgram } from '../builder/check.js';
import { multiplyDims } from '../program/dims.js';
import type { AnyValue, OpName } from '../program/program.js';
import { gradient } from './gradient.js';
import { VJP_RULES } from './vjp-rules.js';

const none = memoryWeights({});
const STEP = 1e-5;
/**
 * A central difference errs by h²/6·f‴ (1e-11 times a third derivative, here at most a few hundred) and by rounding,
 * 2e-16·|f|/h = 2e-11 per unit of f; f is a sum of up to a hundred terms of size 10. So 1e-6 of the gradient's scale.
 */
const TOLERANCE = 1e-6;

interface Operand {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}
type Make = (b: ProgramBuilder, inputs: readonly AnyValue[]) => AnyValue;

/** Compares the gradient of Σ cᵢ·yᵢ, with fixed uneven c, against central differences in every element of every operand. */
function compareWithDifferences(operands: readonly Operand[], make: Make): void {
  const b = new ProgramBuilder('differences');
  const inputs = operands.map(({ shape }, i) => b.input(`x${i}`, 'float', shape));
  const y = make(b, inputs);
  const count = elementCount(y.shape as number[]);
  const coefficients = Array.from({ length: count }, (_, i) => Math.cos(3 * i) + 0.2);
  const weighted = b.mul(y, count === 1 ? coefficients[0]! : b.constant(coefficients, y.shape));
  const total = b.sum(
    weighted,
    y.shape.map((_, i) => i),
  );
  b.output('total', total);
  gradient(b, total, inputs).forEach((g, i) => {
    b.output(`g${i}`, g);
  });
  const program = b.build();
  checkProgram(program);
  const at = (moved: number, element: number, by: number): Record<string, ReturnType<typeof floatTensor>> =>
    Object.fromEntries(
      operands.map(({ shape, data }, i) => {
        const own = data.slice();
        if (i === moved) own[element]! += by;
        return [`x${i}`, floatTensor(own, shape)];
      }),
    );
  const results = interpret(program, at(-1, 0, 0), none);
  operands.forEach(({ shape, data }, i) => {
    const got = results[`g${i}`]!;
    expect(got.shape).toEqual(shape);
    const scale = Math.max(1, ...Array.from(got.data, Math.abs));
    for (let e = 0; e < data.length; e++) {
      const up = interpret(program, at(i, e, STEP), none).total!.data[0]!;
      const down = interpret(program, at(i, e, -STEP), none).total!.data[0]!;
      const difference = (up - down) / (2 * STEP);
      expect(
        Math.abs(got.data[e]! - difference),
        `operand ${i}, element ${e}: ${got.data[e]} against ${difference}`,
      ).toBeLessThan(TOLERANCE * scale);
    }
  });
}

/** Numbers in 0.3 to 1.8 that are at least 0.01 apart, so that kinks and ties are far from a step of 1e-5. */
function spread(shape: readonly number[], seed: number): Operand {
  const count = elementCount(shape);
  const order = Array.from({ length: count }, (_, i) => i).sort(
    (i, j) => Math.sin(i * 12.9 + seed) - Math.sin(j * 12.9 + seed),
  );
  return {
    shape,
    data: Float64Array.from(order, (rank) => 0.3 + (1.5 * (rank + 0.37 * Math.abs(Math.sin(seed)))) / count),
  };
}
const signed = ({ shape, data }: Operand): Operand => ({ shape, data: data.map((x, i) => (i % 2 ? -x : x)) });

const two = (make: (b: ProgramBuilder, x: AnyValue, y: AnyValue) => AnyValue, sign = false): [Operand[], Make] => {
  const x = spread([2, 3], 1);
  const y = spread([3], 2);
  return [sign ? [signed(x), signed(y)] : [x, y], (b, [a, c]) => make(b, a!, c!)];
};
const one = (make: (b: ProgramBuilder, x: AnyValue) => AnyValue, shape = [2, 3], sign = true): [Operand[], Make] => [
  [sign ? signed(spread(shape, 3)) : spread(shape, 3)],
  (b, [x]) => make(b, x!),
];
const ids = (b: ProgramBuilder): AnyValue => b.constant([2, 0, 2, 1], [2, 2], 'int');

/** Ops through which no gradient flows. */
const WITHOUT = [
  ...(['input', 'weight', 'constant', 'iota', 'dimSize', 'stopGradient'] as const),
  ...(['not', 'equal', 'less', 'lessEqual', 'and', 'or'] as const),
];
/** Every other op: operands, and how it is applied to them. */
const CASES: { readonly [K in Exclude<OpName, (typeof WITHOUT)[number]>]: [Operand[], Make] } = {
  neg: one((b, x) => b.neg(x)),
  abs: one((b, x) => b.abs(x)),
  exp: one((b, x) => b.exp(x)),
  log: one((b, x) => b.log(x), [2, 3], false),
  sqrt: one((b, x) => b.sqrt(x), [2, 3], false),
  rsqrt: one((b, x) => b.rsqrt(x), [2, 3], false),
  tanh: one((b, x) => b.tanh(x)),
  erf: one((b, x) => b.erf(x)),
  sigmoid: one((b, x) => b.sigmoid(x)),
  relu: one((b, x) => b.relu(x)),
  cast: one((b, x) => b.cast(x, 'float')),
  add: two((b, x, y) => b.add(x, y)),
  sub: two((b, x, y) => b.sub(x, y)),
  mul: two((b, x, y) => b.mul(x, y)),
  div: two((b, x, y) => b.div(x, y), true),
  pow: two((b, x, y) => b.pow(x, y)),
  maximum: two((b, x, y) => b.maximum(x, y), true),
  minimum: two((b, x, y) => b.minimum(x, y), true),
  where: two((b, x, y) => b.where(b.less(b.iota([2, 1], 0), 1), x, y)),
  matmul: [[spread([2, 2, 3], 1), spread([3, 2], 2)], (b, [x, y]) => b.matmul(x!, y!)],
  transpose: one((b, x) => b.transpose(x, [2, 0, 1]), [2, 3, 2]),
  reshape: one((b, x) => b.reshape(x, [3, 2])),
  broadcast: one((b, x) => b.broadcast(x, [2, 2, 3]), [2, 1]),
  slice: one((b, x) => b.slice(x, 1, 1, 2)),
  concat: two((b, x, y) => b.concat([x, b.broadcast(y, [1, 3]), x], 0)),
  pad: one((b, x) => b.pad(x, 0, 1, 2)),
  gather: one((b, x) => b.gather(x, ids(b), 1)),
  scatterAdd: one((b, x) => b.scatterAdd(x, ids(b), 0, 4), [2, 2, 3]),
  sum: one((b, x) => b.sum(x, [0, 2]), [2, 3, 2]),
  mean: one((b, x) => b.mean(x, [1], true), [2, 3, 2]),
  max: one((b, x) => b.max(x, 1)),
  softmax: one((b, x) => b.softmax(x, 0)),
  logSoftmax: one((b, x) => b.logSoftmax(x, 1)),
};

describe('the gradient of every op agrees with finite differences', () => {
  const differentiable = Object.entries(CASES).map(([op, c]) => [op, ...c] as const);
  it.each(differentiable)('%s', (_, operands, make) => {
    compareWithDifferences(operands, make);
  });
  it('and the table has no gradient for exactly the ops that have none', () => {
    const none = Object.entries(VJP_RULES).flatMap(([op, rule]) => (rule === 'none' ? [op] : []));
    expect(none.sort()).toEqual([...WITHOUT].sort());
  });
  it.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])('matmul with transposeA %s, transposeB %s, and batch axes that broadcast', (transposeA, transposeB) => {
    const a = spread([2, 1, ...(transposeA ? [3, 2] : [2, 3])], 5);
    const c = spread([3, ...(transposeB ? [4, 3] : [3, 4])], 6);
    compareWithDifferences([a, c], (b, [x, y]) => b.matmul(x!, y!, { transposeA, transposeB }));
  });
  it('random shapes with broadcasting in binary ops and where', () => {
    const dims = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 });
    const thin = fc.array(fc.boolean(), { minLength: 3, maxLength: 3 });
    const binary = fc.constantFrom('add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum', 'where');
    fc.assert(
      fc.property(dims, thin, thin, fc.nat(2), binary, (shape, thinA, thinB, cut, op) => {
        const a = spread(
          shape.map((d, i) => (thinA[i] ? 1 : d)),
          7,
        );
        const c = spread(shape.map((d, i) => (thinB[i] ? 1 : d)).slice(cut), 8.5);
        // ties and near-ties are the business of a test of their own
        fc.pre(a.data.every((x) => c.data.every((y) => Math.abs(x - y) > 1e-3)));
        compareWithDifferences([a, c], (b, [x, y]) =>
          op === 'where' ? b.where(b.less(x!, y!), x!, y!) : b.apply(op, [x!, y!], {}),
        );
      }),
      { numRuns: 60, seed: 11 },
    );
  });
});

describe('what gradient builds', () => {
  const evaluate = (b: ProgramBuilder, feeds: Record<string, number[]>): Record<string, number[]> => {
    checkProgram(b.build());
    const tensors = Object.fromEntries(
      Object.entries(feeds).map(([n, d]) => [n, floatTensor(Float64Array.from(d), [d.length])]),
    );
    return Object.fromEntries(Object.entries(interpret(b.build(), tensors, none)).map(([n, t]) => [n, [...t.data]]));
  };
  it('total derivatives of values that feed one another, intermediate ones included', () => {
    const b = new ProgramBuilder('chain');
    const x = b.input('x', 'float', ['n']);
    const y = b.mul(x, x);
    const z = b.add(b.mul(y, x), y); // x³ + x²
    const [dx, dy, dz] = gradient(b, b.sum(z, 0), [x, y, z]);
    b.output('dx', dx!);
    b.output('dy', dy!);
    b.output('dz', dz!);
    const { dx: gx, dy: gy, dz: gz } = evaluate(b, { x: [2, 3] });
    expect(gx).toEqual([3 * 4 + 2 * 2, 3 * 9 + 2 * 3]);
    expect(gy).toEqual([3, 4]); // x + 1
    expect(gz).toEqual([1, 1]);
  });
  it('zeros for a value without influence, also before stopGradient', () => {
    const b = new ProgramBuilder('apart');
    const x = b.input('x', 'float', ['n']);
    const w = b.input('w', 'float', ['n']);
    const y = b.sum(b.mul(w, b.stopGradient(x)), 0);
    gradient(b, y, [x, w]).forEach((g, i) => {
      b.output(`g${i}`, g);
    });
    expect(evaluate(b, { x: [2, 3], w: [1, 1] })).toEqual({ g0: [0, 0], g1: [2, 3] });
  });
  it('shares equally among ties of max, maximum and minimum', () => {
    const b = new ProgramBuilder('ties');
    const x = b.input('x', 'float', [3]);
    const [g] = gradient(b, b.max(x, 0), [x]);
    const [m] = gradient(b, b.sum(b.maximum(x, 5), 0), [x]);
    b.output('g', g!);
    b.output('m', m!);
    expect(evaluate(b, { x: [5, 1, 5] })).toEqual({ g: [0.5, 0, 0.5], m: [0.5, 0, 0.5] });
  });
  it('only what lies on a path from wrt to of: nothing for the weights of a matmul', () => {
    const b = new ProgramBuilder('path');
    const x = b.input('x', 'float', ['n', 3]);
    const y = b.matmul(x, b.weight('w', [3, 2]));
    const before = b.values.length;
    gradient(b, b.sum(y, [0, 1]), [x]);
    const added = b.values.slice(before).map((v) => v.op);
    expect(added.filter((op) => op === 'matmul')).toHaveLength(1);
    expect(added).not.toContain('transpose');
  });
  it('symbolic shapes: mean over pos and a merged axis', () => {
    const b = new ProgramBuilder('symbols');
    const x = b.input('x', 'float', ['batch', 'pos']);
    const flat = b.reshape(x, [multiplyDims('batch', 'pos')]);
    const [g] = gradient(b, b.mean(b.mul(flat, flat), 0), [x]);
    b.output('g', g!);
    checkProgram(b.build());
    const { g: result } = interpret(b.build(), { x: floatTensor(Float64Array.of(1, 2, 3, 4), [2, 2]) }, none);
    expect([...result!.data]).toEqual([0.5, 1, 1.5, 2]);
  });
  it('names gradients by the role of their value', () => {
    const b = new ProgramBuilder('roles');
    const x = b.input('x', 'float', ['n']);
    const y = b.role(b.exp(x), 'L0.y');
    gradient(b, b.sum(b.mul(y, y), 0), [x]);
    expect(b.values.filter((v) => v.role === 'grad:L0.y')).toHaveLength(1);
  });
  it('refuses what has no gradient', () => {
    const b = new ProgramBuilder('bad');
    const x = b.input('x', 'float', ['n']);
    const refusal = (got: RegExp) =>
      expect.objectContaining({
        code: 'invalid-program',
        fields: { program: 'bad' },
        kind: 'internal',
        message: expect.stringMatching(got),
      });
    expect(() => gradient(b, x, [x])).toThrow(refusal(/got float\[n\]/));
    expect(() => gradient(b, b.sum(x, 0), [b.iota([2], 0)])).toThrow(refusal(/got int/));
  });
});
