import { describe, expect, it } from 'vitest';
import { ProgramBuilder } from '../builder/builder.js';
import { addDims } from './dims.js';
import { printProgram } from './print.js';

describe('printProgram', () => {
  it('gives one line a value, with attributes, role and composite', () => {
    const b = new ProgramBuilder('sample');
    const x = b.input('x', 'float', ['batch', 3]);
    const y = b.role(b.matmul(x, b.weight('w', [2, 3]), { transposeB: true }), 'L0.attn.q');
    b.output('total', b.sum(b.composite(b.mul(y, b.sigmoid(y)), 'silu', [y]), [0, 1], true));
    expect(printProgram(b.build())).toBe(`program sample
%0 = input(x) : float[batch, 3]
%1 = weight(w) : float[2, 3]
%2 = matmul(%0, %1; transposeB) : float[batch, 2] # L0.attn.q
%3 = sigmoid(%2) : float[batch, 2]
%4 = mul(%2, %3) : float[batch, 2] # {silu(%2)}
%5 = sum(%4; [0, 1], keepDims) : float[1, 1]
output total = %5
`);
  });
  it('tells attributes that are dims, lists and settings apart, and shortens long tables', () => {
    const b = new ProgramBuilder('attributes');
    const x = b.input('x', 'float', ['n', 4]);
    const epsilon = { epsilon: 0.5 };
    b.output('y', b.composite(b.pad(b.slice(x, 0, 1, 'n'), 1, 0, addDims('n', 2)), 'rmsNorm', [x], epsilon));
    b.constant([0, 1, 2, 3, 4, 5, 6, 7, 8], [9], 'int');
    b.transpose(x, [1, 0]);
    b.cast(x, 'bool');
    expect(printProgram(b.build())).toBe(`program attributes
%0 = input(x) : float[n, 4]
%1 = slice(%0; axis 0, 1 to n) : float[-1+n, 4]
%2 = pad(%1; axis 1, 0 before, 2+n after) : float[-1+n, 6+n] # {rmsNorm(%0; epsilon 0.5)}
%3 = constant(0, 1, 2, 3, … 9 numbers) : int[9]
%4 = transpose(%0; [1, 0]) : float[4, n]
%5 = cast(%0; bool) : bool[n, 4]
output y = %2
`);
  });
});
