import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomProgram } from '../testing/random-program.js';
import type { Feeds } from './backend.js';
import { ProgramBuilder } from './builder.js';
import { checkProgram } from './check.js';
import { evaluateShape, multiplyDims, subtractDims } from './dims.js';
import { programInputs } from './feeds.js';
import { gradient } from './gradient.js';
import { interpret } from './interpreter.js';
import { padLate } from './pad-late.js';
import { printProgram } from './print.js';
import { simplify } from './simplify.js';
import { sliceEarly } from './slice-early.js';
import { elementCount, floatTensor } from './tensor.js';
import type { OpName, Program } from './types.js';
import { memoryWeights } from './weights.js';

const SIZES = { batch: 2, pos: 3 };
const feedsOf = (program: Program, feeds: Feeds): Feeds =>
  Object.fromEntries(programInputs(program).map(({ attributes: { name } }) => [name, feeds[name]!]));

/** Gradients of the last entries of a random program's first float output, and that output. */
function gradientsOfLast(seed: number) {
  const random = randomProgram(seed);
  const b = new ProgramBuilder(random.program.name);
  for (const value of random.program.values) b.copy(value, value.inputs, value.composite);
  const of = random.program.outputs
    .map(({ id }) => b.value(id))
    .find((v) => v.dtype === 'float' && evaluateShape(v.shape, SIZES).some((size) => size > 1));
  if (!of) return null;
  const sizes = evaluateShape(of.shape, SIZES);
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
/** Numbers that a program computes, by op. */
function computed(program: Program, sizes: Readonly<Record<string, number>> = SIZES): Map<OpName, number> {
  const counts = new Map<OpName, number>();
  for (const { op, shape } of program.values)
    counts.set(op, (counts.get(op) ?? 0) + elementCount(evaluateShape(shape, sizes)));
  return counts;
}

describe('padLate on gradients of random programs', () => {
  it('gives the same numbers with fewer zeros, through every op that has a rule', () => {
    const less = new Set<OpName>();
    fc.assert(
      fc.property(fc.nat(1e6), (seed) => {
        const found = gradientsOfLast(seed);
        fc.pre(found !== null);
        const { random } = found!;
        const program = simplify(found!.program);
        const late = simplify(padLate(program));
        const both = simplify(sliceEarly(late));
        const wanted = interpret(program, feedsOf(program, random.feeds), random.weights);
        for (const other of [late, both]) {
          checkProgram(other);
          const got = interpret(other, feedsOf(other, random.feeds), random.weights);
          for (const [name, { shape, data }] of Object.entries(wanted)) {
            expect(got[name]!.shape).toEqual(shape);
            // the same sums in float64, without their zeros or in another order
            const most = 1e-12 * Math.max(1, ...Array.from(data, Math.abs));
            data.forEach((x, i) => {
              if (Math.abs(x - got[name]!.data[i]!) > most)
                throw new Error(
                  `${name}[${i}]: ${got[name]!.data[i]} instead of ${x}\n${printProgram(program)}\n${printProgram(other)}`,
                );
            });
          }
        }
        const [before, after] = [computed(program), computed(late)];
        for (const [op, count] of before) if ((after.get(op) ?? 0) < count) less.add(op);
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

describe('padLate', () => {
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
    const late = simplify(sliceEarly(simplify(padLate(tokens()))));
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
    expect(padLate(program)).toBe(program);
  });
});
