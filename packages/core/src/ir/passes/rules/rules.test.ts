import { describe, expect, it } from 'vitest';
import { ProgramBuilder } from '../../builder/builder.js';
import { checkProgram } from '../../builder/check.js';
import { addDims, type DimLike, multiplyDims } from '../../program/dims.js';
import { printProgram } from '../../program/print.js';
import type { AnyValue, OpName } from '../../program/program.js';
import { simplify } from '../simplify.js';

const ROWS = multiplyDims('batch', 'pos');
type Make = (b: ProgramBuilder) => AnyValue;

/** The simplified program of one output `y`, printed without its head and its output line. */
function simplified(make: Make): string {
  const b = new ProgramBuilder('p');
  b.output('y', make(b));
  checkProgram(b.build());
  const simple = simplify(b.build());
  checkProgram(simple);
  return printProgram(simple).split('\n').slice(1, -2).join('\n');
}
const ops = (make: Make): OpName[] => {
  const b = new ProgramBuilder('p');
  b.output('y', make(b));
  return simplify(b.build()).values.map((v) => v.op);
};
const x = (b: ProgramBuilder, ...shape: DimLike[]): AnyValue => b.input('x', 'float', shape);

function layerNorm(b: ProgramBuilder, value: AnyValue): AnyValue {
  const centred = b.sub(value, b.mean(value, -1, true));
  const scale = b.role(b.rsqrt(b.add(b.mean(b.mul(centred, centred), -1, true), 1e-5)), 'L0.ln1.scale');
  return b.composite(b.mul(centred, scale), 'layerNorm', [value], { epsilon: 1e-5 });
}

describe('padded pieces that are added', () => {
  const [one, two] = [
    (b: ProgramBuilder) => b.pad(b.input('one', 'float', ['n', 4]), 0, 1, 3),
    (b: ProgramBuilder) => b.pad(b.input('two', 'float', [3, 4]), 0, addDims('n', 1), 0),
  ];
  const joined = `%0 = input(one) : float[n, 4]
%1 = input(two) : float[3, 4]
%2 = concat(%0, %1; axis 0) : float[3+n, 4]
%3 = pad(%2; axis 0, 1 before, 0 after) : float[4+n, 4]`;
  it('are joined where they stand side by side, in the order they stand in', () => {
    const program = (swapped: boolean): string =>
      simplified((b) => {
        const [first, second] = [one(b), two(b)];
        return swapped ? b.add(second, first) : b.add(first, second);
      });
    expect(program(false)).toBe(joined);
    expect(program(true)).toBe(joined);
  });
  it('are left alone where they overlap', () => {
    expect(ops((b) => b.add(b.pad(x(b, 3), 0, 0, 2), b.pad(b.input('z', 'float', [3]), 0, 2, 0)))).toContain('add');
  });
});

describe('a broadcast is hoisted', () => {
  it('through a norm, a reshape and a projection: the norm is computed once for all heads', () => {
    const text = simplified((b) => {
      const into = b.broadcast(x(b, 'batch', 'pos', 8), [2, 'batch', 'pos', 8]);
      const rows = b.reshape(layerNorm(b, into), [2, ROWS, 8]);
      const q = b.add(b.matmul(rows, b.weight('Wq', [2, 4, 8]), { transposeB: true }), b.weight('bq', [2, 1, 4]));
      return b.role(b.reshape(q, [2, 'batch', 'pos', 4]), 'L0.attn.q');
    });
    expect(text).toBe(`%0 = input(x) : float[batch, pos, 8]
%1 = reshape(%0) : float[1, batch, pos, 8]
%2 = mean(%1; [3], keepDims) : float[1, batch, pos, 1]
%3 = sub(%1, %2) : float[1, batch, pos, 8]
%4 = mul(%3, %3) : float[1, batch, pos, 8]
%5 = mean(%4; [3], keepDims) : float[1, batch, pos, 1]
%6 = constant(0.00001) : float[]
%7 = add(%5, %6) : float[1, batch, pos, 1]
%8 = rsqrt(%7) : float[1, batch, pos, 1] # L0.ln1.scale
%9 = mul(%3, %8) : float[1, batch, pos, 8] # {layerNorm(%1; epsilon 0.00001)}
%10 = reshape(%9) : float[1, batch*pos, 8]
%11 = weight(Wq) : float[2, 4, 8]
%12 = matmul(%10, %11; transposeB) : float[2, batch*pos, 4]
%13 = weight(bq) : float[2, 1, 4]
%14 = add(%12, %13) : float[2, batch*pos, 4]
%15 = reshape(%14) : float[2, batch, pos, 4] # L0.attn.q`);
  });
  it('past a matmul when both operands are spread along a batch axis', () => {
    expect(
      simplified((b) => {
        const keys = b.reshape(b.broadcast(x(b, 2, 1, 'pos', 4), [2, 3, 'pos', 4]), [6, 'pos', 4]);
        const grouped = b.reshape(keys, [2, 3, 'pos', 4]);
        return b.exp(b.matmul(grouped, grouped, { transposeB: true }));
      }),
    ).toBe(`%0 = input(x) : float[2, 1, pos, 4]
%1 = matmul(%0, %0; transposeB) : float[2, 1, pos, pos]
%2 = exp(%1) : float[2, 1, pos, pos]
%3 = broadcast(%2) : float[2, 3, pos, pos]`);
  });
  it('through a split of its own axis, softmax, slice, pad, concat, gather and transpose on other axes', () => {
    const wide = (b: ProgramBuilder): AnyValue => b.broadcast(x(b, 'pos', 4), [6, 'pos', 4]);
    const chain = ops((b) => {
      const split = b.reshape(wide(b), [2, 3, 'pos', 4]);
      const cut = b.pad(b.slice(b.softmax(split, -1), 3, 0, 3), 3, 1, 0);
      const joined = b.concat([cut, b.neg(cut)], 3);
      return b.sub(b.transpose(b.gather(joined, b.constant([0, 2], [2], 'int'), 3), [2, 0, 1, 3]), 1);
    });
    expect(chain.filter((op) => op === 'broadcast')).toHaveLength(1);
    expect(chain.at(-1)).toBe('broadcast');
  });
  it('not where a reshape mixes it with another axis', () => {
    expect(ops((b) => b.exp(b.reshape(b.broadcast(x(b, 3, 1), [3, 2]), [6])))).toEqual([
      'input',
      'broadcast',
      'reshape',
      'exp',
    ]);
  });
  it('out of reductions along its axis: a sum is a product, mean and max do nothing', () => {
    expect(
      simplified((b) => {
        const wide = b.broadcast(x(b, 'pos'), ['batch', 'pos']);
        b.input('other', 'float', ['batch']); // the only one to fix `batch`
        return b.add(b.sum(wide, 0), b.mul(b.mean(wide, 0), b.max(wide, 0)));
      }),
    ).toBe(`%0 = input(x) : float[pos]
%1 = input(other) : float[batch]
%2 = dimSize(batch) : int[]
%3 = cast(%2; float) : float[]
%4 = mul(%0, %3) : float[pos]
%5 = mul(%0, %0) : float[pos]
%6 = add(%4, %5) : float[pos]`);
  });
  it('away altogether in front of an elementwise op that broadcasts by itself', () => {
    expect(ops((b) => b.mul(b.weight('w', [2, 3]), b.broadcast(b.weight('v', [1, 3]), [2, 3])))).toEqual([
      'weight',
      'weight',
      'mul',
    ]);
  });
});

describe('a sum over heads of per-head matmuls', () => {
  const W = (b: ProgramBuilder, ...shape: number[]): AnyValue => b.weight('WO', shape);
  it('becomes one matmul over heads and head dims, also with a reshape between', () => {
    const merged = `%0 = input(x) : float[2, batch*pos, 4]
%1 = weight(WO) : float[2, 4, 8]
%2 = reshape(%1) : float[8, 8]
%3 = transpose(%0; [1, 0, 2]) : float[batch*pos, 2, 4]
%4 = reshape(%3) : float[batch*pos, 8]
%5 = matmul(%4, %2) : float[batch*pos, 8]
%6 = reshape(%5) : float[batch, pos, 8]`;
    expect(
      simplified((b) => b.sum(b.reshape(b.matmul(x(b, 2, ROWS, 4), W(b, 2, 4, 8)), [2, 'batch', 'pos', 8]), 0)),
    ).toBe(merged);
    expect(simplified((b) => b.reshape(b.sum(b.matmul(x(b, 2, ROWS, 4), W(b, 2, 4, 8)), 0), ['batch', 'pos', 8]))).toBe(
      merged,
    );
  });
  it('with two head axes, and with a batch axis that the weight does not have', () => {
    expect(
      simplified((b) => b.sum(b.matmul(x(b, 2, 3, 'n', 4), W(b, 2, 3, 4, 8)), [0, 1])),
    ).toBe(`%0 = input(x) : float[2, 3, n, 4]
%1 = weight(WO) : float[2, 3, 4, 8]
%2 = reshape(%1) : float[24, 8]
%3 = transpose(%0; [2, 0, 1, 3]) : float[n, 2, 3, 4]
%4 = reshape(%3) : float[n, 24]
%5 = matmul(%4, %2) : float[n, 8]`);
    expect(
      simplified((b) => b.sum(b.matmul(x(b, 'batch', 2, 'pos', 4), W(b, 2, 4, 8)), 1)),
    ).toBe(`%0 = input(x) : float[batch, 2, pos, 4]
%1 = weight(WO) : float[2, 4, 8]
%2 = reshape(%1) : float[8, 8]
%3 = transpose(%0; [0, 2, 1, 3]) : float[batch, pos, 2, 4]
%4 = reshape(%3) : float[batch*pos, 8]
%5 = matmul(%4, %2) : float[batch*pos, 8]
%6 = reshape(%5) : float[batch, pos, 8]`);
  });
  it('needs no transpose of the left operand where it is stored transposed', () => {
    expect(ops((b) => b.sum(b.matmul(x(b, 2, 4, 'n'), W(b, 2, 4, 8), { transposeA: true }), 0))).not.toContain(
      'transpose',
    );
  });
  it('stays batched over axes that the weight has of its own, and is left alone where these come after the summed ones', () => {
    expect(
      simplified((b) => b.sum(b.matmul(x(b, 3, 2, 'n', 4), W(b, 3, 2, 4, 8)), 1)),
    ).toBe(`%0 = input(x) : float[3, 2, n, 4]
%1 = weight(WO) : float[3, 2, 4, 8]
%2 = reshape(%1) : float[3, 8, 8]
%3 = transpose(%0; [0, 2, 1, 3]) : float[3, n, 2, 4]
%4 = reshape(%3) : float[3, n, 8]
%5 = matmul(%4, %2) : float[3, n, 8]`);
    const after = ops((b) => b.sum(b.matmul(x(b, 2, 3, 'n', 4), W(b, 2, 3, 4, 8)), 0));
    expect(after).toEqual(['input', 'weight', 'matmul', 'sum']);
  });
  it('is left alone where the weight is stored transposed', () => {
    expect(ops((b) => b.sum(b.matmul(x(b, 2, 'n', 4), W(b, 2, 8, 4), { transposeB: true }), 0))).toEqual([
      'input',
      'weight',
      'matmul',
      'sum',
    ]);
  });
  it('is left alone where somebody looks at the single heads', () => {
    const b = new ProgramBuilder('p');
    const heads = b.matmul(x(b, 2, 'n', 4), W(b, 2, 4, 8));
    b.output('heads', heads);
    b.output('sum', b.sum(heads, 0));
    expect(simplify(b.build()).values.map((v) => v.op)).toEqual(['input', 'weight', 'matmul', 'sum']);
  });
  it('sums first where only one operand has the summed axis', () => {
    expect(ops((b) => b.sum(b.matmul(x(b, 2, 'n', 4), W(b, 1, 4, 8)), 0)).slice(2)).toEqual([
      'sum',
      'matmul',
      'reshape',
    ]);
  });
});

describe('small rules', () => {
  it.each<[string, Make, OpName[]]>([
    ['x·1 + 0', (b) => b.add(b.mul(x(b, 'n'), 1), 0), ['input']],
    ['x/1 − 0', (b) => b.sub(b.div(x(b, 'n'), 1), 0), ['input']],
    ['x¹', (b) => b.pow(x(b, 'n'), 1), ['input']],
    ['x²', (b) => b.pow(x(b, 'n'), 2), ['input', 'mul']],
    ['−−x', (b) => b.neg(b.neg(x(b, 'n'))), ['input']],
    ['a transpose and back', (b) => b.transpose(b.transpose(x(b, 2, 3, 4), [1, 2, 0]), [2, 0, 1]), ['input']],
    ['a sum over part of a split axis', (b) => b.sum(b.reshape(x(b, 6), [2, 3]), 0), ['input', 'reshape', 'sum']],
    ['a transpose of size-1 axes', (b) => b.transpose(x(b, 1, 3, 4), [1, 0, 2]), ['input', 'reshape']],
    ['a reshape of a reshape back', (b) => b.reshape(b.reshape(x(b, 2, 3), [6]), [2, 3]), ['input']],
    ['a broadcast to its own shape', (b) => b.broadcast(x(b, 'n', 3), ['n', 3]), ['input']],
    ['a slice of everything', (b) => b.slice(x(b, 'n'), 0, 0, 'n'), ['input']],
    [
      'a slice that is one part of a concat',
      (b) => b.slice(b.concat([b.neg(x(b, 'n')), x(b, 'n')], 0), 0, 'n', multiplyDims(2, 'n')),
      ['input'],
    ],
    [
      'a slice of a concat along another axis',
      (b) => b.slice(b.concat([b.neg(x(b, 2, 2)), x(b, 2, 2)], 0), 1, 0, 1),
      ['input', 'neg', 'concat', 'slice'],
    ],
    ['padding by nothing', (b) => b.pad(x(b, 'n'), 0, 0, 0), ['input']],
    ['a sum over an axis of size 1', (b) => b.sum(x(b, 'n', 1), 1), ['input', 'reshape']],
    ['a cast to its own dtype', (b) => b.cast(x(b, 'n'), 'float'), ['input']],
    [
      'numbers known beforehand',
      (b) => b.mul(x(b, 'n'), b.sub(b.exp(b.constant(0)), b.cast(b.dimSize(3), 'float'))),
      ['input', 'constant', 'mul'],
    ],
    ['a known condition', (b) => b.where(b.less(b.constant(1), 2), x(b, 'n'), 3), ['input']],
    [
      'swapped matrix axes',
      (b) => b.matmul(x(b, 'n', 3), b.transpose(b.weight('w', [2, 3]), [1, 0])),
      ['input', 'weight', 'matmul'],
    ],
    ['equal values', (b) => b.mul(b.exp(x(b, 'n')), b.exp(x(b, 'n'))), ['input', 'exp', 'mul']],
    [
      'a factor that the summed axes do not have',
      (b) => b.sum(b.mul(x(b, 'n', 3), b.constant([1, 2, 3], [3])), 0),
      ['input', 'constant', 'sum', 'mul', 'reshape'],
    ],
  ])('%s', (_, make, expected) => {
    expect(ops(make).sort()).toEqual([...expected].sort());
  });
  it('compose two transposes in the right order', () => {
    expect(
      simplified((b) => b.transpose(b.transpose(x(b, 2, 3, 4), [1, 2, 0]), [0, 2, 1])),
    ).toBe(`%0 = input(x) : float[2, 3, 4]
%1 = transpose(%0; [1, 0, 2]) : float[3, 2, 4]`);
  });
  it('keep constants that differ only in sign of zero or in infinity apart', () => {
    expect(
      ops((b) =>
        b.where(
          b.less(x(b, 4), b.concat([b.constant([1, 0], [2]), b.constant([1, -0], [2])], 0)),
          b.concat([b.constant([1, Infinity], [2]), b.constant([1, -Infinity], [2])], 0),
          b.constant([1, 2, 3, Number.NaN], [4]),
        ),
      ).filter((op) => op === 'constant'),
    ).toHaveLength(5);
  });
  it('remove dead inputs and weights, but not the only input that fixes a symbol', () => {
    const b = new ProgramBuilder('p');
    b.input('dead', 'float', [3]);
    b.input('length', 'float', ['pos']);
    b.weight('unused', [2]);
    b.output('y', b.dimSize('pos'));
    expect(printProgram(simplify(b.build()))).toBe(
      'program p\n%0 = input(length) : float[pos]\n%1 = dimSize(pos) : int[]\noutput y = %1\n',
    );
  });
  it('never remove an output, and give two outputs of one value one value', () => {
    const b = new ProgramBuilder('p');
    const v = b.input('x', 'float', ['n']);
    b.output('a', b.add(v, 0));
    b.output('b', v);
    expect(simplify(b.build()).outputs).toEqual([
      { name: 'a', id: 0 },
      { name: 'b', id: 0 },
    ]);
  });
  it('keep the role of the first of equal values, and pass a role on to what a value became', () => {
    const roles = (make: Make): (string | undefined)[] => {
      const b = new ProgramBuilder('p');
      b.output('y', make(b));
      return simplify(b.build()).values.map((v) => v.role);
    };
    expect(roles((b) => b.add(b.role(b.exp(x(b, 'n')), 'first'), b.neg(b.role(b.exp(x(b, 'n')), 'second'))))[1]).toBe(
      'first',
    );
    expect(roles((b) => b.exp(b.role(b.add(b.tanh(x(b, 'n')), 0), 'sum')))).toEqual([undefined, 'sum', undefined]);
  });
});
