import { describe, expect, it } from 'vitest';
import { printProgram } from '../program/print.js';
import type { AnyValue, Program } from '../program/program.js';
import { ProgramBuilder } from './builder.js';
import { checkProgram } from './check.js';

function sample(): Program {
  const b = new ProgramBuilder('sample');
  const x = b.input('x', 'float', ['batch', 3]);
  const w = b.weight('w', [2, 3]);
  const y = b.role(b.matmul(x, w, { transposeB: true }), 'L0.attn.q');
  const z = b.composite(b.mul(y, b.sigmoid(y)), 'silu', [y]);
  b.output('total', b.sum(z, [0, 1], true));
  return b.build();
}
const changed = (index: number, change: Partial<AnyValue>): Program => {
  const program = sample();
  return { ...program, values: program.values.map((v, i) => (i === index ? ({ ...v, ...change } as AnyValue) : v)) };
};

describe('checkProgram', () => {
  it('accepts what the builder makes', () => {
    expect(() => checkProgram(sample())).not.toThrow();
  });
  it.each<[string, Program, RegExp]>([
    [
      'a wrong shape',
      changed(2, { shape: [2, 2] }),
      /%2 = matmul\] type is not.*expected float\[batch, 2\], got float\[2, 2\]/,
    ],
    ['a wrong dtype', changed(3, { dtype: 'int' }), /type is not/],
    ['an id out of place', changed(2, { id: 3 }), /id is not its place/],
    ['an input that comes later', changed(2, { inputs: [0, 4] }), /an input is not an earlier value/],
    [
      'a composite input that comes later',
      changed(4, { composite: { kind: 'silu', inputs: [4], attributes: {} } }),
      /composite input/,
    ],
    ['a weight of symbolic shape', changed(1, { shape: sample().values[0]!.shape }), /a weight is not/],
    [
      'a name used twice',
      { ...sample(), values: [...sample().values, { ...sample().values[0]!, id: 6 }] },
      /input "x" is defined twice/,
    ],
    ['an output that is no value', { ...sample(), outputs: [{ name: 'y', id: 99 }] }, /output "y" is not a value/],
  ])('refuses %s', (_, program, message) => {
    expect(() => checkProgram(program)).toThrow(message);
  });
});

describe('printProgram', () => {
  it('gives one line a value, with attributes, role and composite', () => {
    expect(printProgram(sample())).toBe(`program sample
%0 = input(x) : float[batch, 3]
%1 = weight(w) : float[2, 3]
%2 = matmul(%0, %1; transposeB) : float[batch, 2] # L0.attn.q
%3 = sigmoid(%2) : float[batch, 2]
%4 = mul(%2, %3) : float[batch, 2] # {silu(%2)}
%5 = sum(%4; [0, 1], keepDims) : float[1, 1]
output total = %5
`);
  });
});
