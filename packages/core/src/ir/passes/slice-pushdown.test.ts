import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMPOSITES } from '../../testing/composite-cases.js';
import { randomProgram } from '../../testing/random-program.js';
import { RANDOM_SIZES, sparedOps } from '../../testing/spared.js';
import { ProgramBuilder } from '../builder/builder.js';
import { evaluateShape, multiplyDims, subtractDims } from '../program/dims.js';
import type { AnyValue, OpName, Program } from '../program/program.js';
import { simplify } from './simplify.js';
import { pushDownSlices } from './slice-pushdown.js';

/** Of each output of a random program that has one, the last entry along its longest axis (or the one before). */
function slicedOutputs(seed: number): { readonly program: Program; readonly random: ReturnType<typeof randomProgram> } {
  const random = randomProgram(seed);
  const b = new ProgramBuilder(random.program.name);
  for (const value of random.program.values) b.copy(value, value.inputs, value.composite);
  for (const { name, id } of random.program.outputs) {
    const value = b.value(id);
    const sizes = evaluateShape(value.shape, RANDOM_SIZES);
    const axis = sizes.indexOf(Math.max(...sizes));
    if (axis < 0 || sizes[axis]! < 2) continue;
    const end = seed % 2 === 0 ? value.shape[axis]! : subtractDims(value.shape[axis]!, 1);
    b.output(name, b.slice(value, axis, subtractDims(end, 1), end));
  }
  return { program: b.build(), random };
}

describe('pushDownSlices on random programs', () => {
  it('gives the same numbers with less, through every op whose result can be made by regions', () => {
    const cut = new Set<OpName>();
    fc.assert(
      fc.property(fc.nat(1e6), (seed) => {
        const { program: whole, random } = slicedOutputs(seed);
        fc.pre(whole.outputs.length > 0);
        const program = simplify(whole);
        const early = simplify(pushDownSlices(program));
        for (const op of sparedOps(program, early, random)) cut.add(op);
      }),
      { numRuns: 600, seed: 7 },
    );
    for (const op of [
      'matmul',
      'softmax',
      'sum',
      'transpose',
      'reshape',
      'concat',
      'gather',
      'where',
      'mul',
      'tanh',
    ] as const)
      expect([...cut]).toContain(op);
  });
});

describe('pushDownSlices', () => {
  const last = (b: ProgramBuilder, x: AnyValue, axis: number): AnyValue => {
    const end = x.shape[axis]!;
    return b.slice(x, axis, subtractDims(end, 1), end);
  };
  const shapesOf = (program: Program, op: OpName): string[] =>
    simplify(pushDownSlices(simplify(program)))
      .values.filter((value) => value.op === op)
      .map(({ shape }) => evaluateShape(shape, { batch: 2, pos: 5 }).join('×'));
  /** Rows of all tokens by a weight, and the last position of what comes out. */
  function tokens(b: ProgramBuilder): { readonly rows: AnyValue; readonly product: AnyValue } {
    const x = b.input('x', 'float', ['batch', 'pos', 4]);
    const rows = b.reshape(x, [multiplyDims('batch', 'pos'), 4]);
    const product = b.reshape(b.tanh(b.matmul(rows, b.weight('w', [4, 7]))), ['batch', 'pos', 7]);
    return { rows, product };
  }

  it('goes through axes that were joined: one row a prompt is multiplied', () => {
    const b = new ProgramBuilder('tokens');
    b.output('y', last(b, tokens(b).product, 1));
    expect(shapesOf(b.build(), 'matmul')).toEqual(['2×7']);
    expect(shapesOf(b.build(), 'tanh')).toEqual(['2×7']);
  });
  it('leaves whole what one reader reads whole', () => {
    const b = new ProgramBuilder('read');
    const { product } = tokens(b);
    b.output('y', last(b, product, 1));
    b.output('all', product);
    expect(shapesOf(b.build(), 'matmul')).toEqual(['10×7']);
  });
  it('leaves whole what two readers want different regions of', () => {
    const b = new ProgramBuilder('two');
    const { product } = tokens(b);
    b.output('last', last(b, product, 1));
    b.output('first', b.slice(product, 1, 0, 1));
    expect(shapesOf(b.build(), 'matmul')).toEqual(['10×7']);
  });
  it('keeps sums over the axis whole, and what they are of', () => {
    const b = new ProgramBuilder('sum');
    const { product } = tokens(b);
    b.output('y', last(b, b.softmax(product, 1), 1));
    expect(shapesOf(b.build(), 'softmax')).toEqual(['2×5×7']);
  });
  it('keeps a composite of a region of its input, but not where its own axis is cut', () => {
    const marks = (axis: number): number => {
      const b = new ProgramBuilder('norm');
      b.output('y', last(b, COMPOSITES.layerNorm(b, b.exp(b.input('x', 'float', ['batch', 'pos', 4]))), axis));
      return simplify(pushDownSlices(simplify(b.build()))).values.filter(({ composite }) => composite).length;
    };
    expect([marks(1), marks(2)]).toEqual([1, 0]);
  });
  it('cuts queries and not keys', () => {
    const b = new ProgramBuilder('attention');
    const [q, k] = ['q', 'k'].map((name) => b.input(name, 'float', ['batch', 'pos', 4])) as [AnyValue, AnyValue];
    const pattern = b.softmax(b.matmul(q, k, { transposeB: true }), 2);
    b.output('y', last(b, b.matmul(pattern, k), 1));
    expect(shapesOf(b.build(), 'matmul')).toEqual(['2×1×5', '2×1×4']);
  });
});
