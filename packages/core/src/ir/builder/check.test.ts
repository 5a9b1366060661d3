import { describe, expect, it } from 'vitest';
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
  it.each<[string, Program, number, RegExp]>([
    ['a wrong shape', changed(2, { shape: [2, 2] }), 2, /expected float\[batch, 2\], got float\[2, 2\]/],
    ['a wrong dtype', changed(3, { dtype: 'int' }), 3, /type is not/],
    ['an id out of place', changed(2, { id: 3 }), 2, /id is not its place/],
    ['an input that comes later', changed(2, { inputs: [0, 4] }), 2, /an input is not an earlier value/],
    [
      'a composite input that comes later',
      changed(4, { composite: { kind: 'silu', inputs: [4], attributes: {} } }),
      4,
      /composite input/,
    ],
    ['a weight of symbolic shape', changed(1, { shape: sample().values[0]!.shape }), 1, /a weight is not/],
    [
      'a name used twice',
      { ...sample(), values: [...sample().values, { ...sample().values[0]!, id: 6 }] },
      6,
      /input "x" is defined twice/,
    ],
    ['an output that is no value', { ...sample(), outputs: [{ name: 'y', id: 99 }] }, 99, /output "y" is not a value/],
  ])('refuses %s, and names the value', (_, program, value, sentence) => {
    expect(() => checkProgram(program)).toThrow(
      expect.objectContaining({
        code: 'invalid-program',
        kind: 'internal',
        fields: { program: 'sample', value },
        message: expect.stringMatching(sentence),
      }),
    );
  });
});
