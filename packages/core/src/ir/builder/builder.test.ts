import { describe, expect, it } from 'vitest';
import { addDims, shapeKey } from '../program/dims.js';
import type { AnyValue } from '../program/program.js';
import { ProgramBuilder } from './builder.js';
import { checkProgram } from './check.js';

const builder = () => new ProgramBuilder('test');
const invalid = (what: string) =>
  expect.objectContaining({
    code: 'invalid-program',
    kind: 'internal',
    fields: { program: 'test' },
    message: expect.stringContaining(what),
  });

describe('values', () => {
  it('of one input or weight are one value, and another type under the name is refused', () => {
    const b = builder();
    const x = b.input('x', 'float', ['n']);
    expect(b.input('x', 'float', ['n'])).toBe(x);
    expect(b.weight('x', [2]).id).not.toBe(x.id); // a weight may have the name of an input
    expect(() => b.input('x', 'int', ['n'])).toThrow(invalid('input x is asked for with two types'));
    expect(() => b.weight('x', [3])).toThrow(invalid('weight x is asked for with two types'));
  });
  it('made from a plain number take the dtype of the other operand', () => {
    const b = builder();
    const n = b.input('n', 'int', ['n']);
    expect(b.value(b.add(n, 1).inputs[1]!)).toMatchObject({ op: 'constant', dtype: 'int', shape: [] });
    expect(b.value(b.less(0.5, b.input('x', 'float', []))!.inputs[0]!)).toMatchObject({ dtype: 'float' });
    expect(b.where(b.less(n, 1), 1, 2).dtype).toBe('float');
  });
  it('are refused in another program, even where an id fits', () => {
    const [b, other] = [builder(), builder()];
    b.input('x', 'float', ['n']);
    expect(() => b.neg(other.iota([3], 0))).toThrow(invalid('a value of another program'));
  });
  it('have the type that the shape rule says, at the line that makes them', () => {
    const b = builder();
    const x = b.input('x', 'float', ['batch', 3]);
    expect(() => b.matmul(x, b.weight('w', [4, 2]))).toThrow(expect.objectContaining({ code: 'wrong-shape' }));
    expect(() => b.and(x, x)).toThrow(expect.objectContaining({ code: 'wrong-dtype' }));
    expect(b.values.some(({ op }) => op === 'matmul' || op === 'and')).toBe(false);
  });
});

describe('constants', () => {
  it('fill any shape with one number, and otherwise exactly their own', () => {
    const b = builder();
    expect(b.constant(2, ['n', 4])).toMatchObject({ attributes: { data: [2] } });
    expect(b.constant([1, 2, 3, 4], [2, 2], 'int')).toMatchObject({ dtype: 'int', attributes: { data: [1, 2, 3, 4] } });
    expect(() => b.constant([1, 2, 3], [2, 2])).toThrow(invalid('constant data does not fill its shape'));
    expect(() => b.constant([1, 2], ['n'])).toThrow(invalid('constant data does not fill its shape'));
  });
  it('do not change with the array that they were made from', () => {
    const data = [1, 2];
    const value = builder().constant(data, [2]);
    data[0] = 9;
    expect(value.attributes).toEqual({ data: [1, 2] });
  });
});

describe('axes', () => {
  const b = builder();
  const x = b.input('x', 'float', ['batch', 'pos', 5]);
  it.each<[string, AnyValue, string]>([
    ['at', b.at(x, -2, addDims('pos', -1)), '[batch, 1, 5]'],
    ['softmax', b.softmax(x), '[batch, pos, 5]'],
    ['sum', b.sum(x, [-1, 0]), '[pos]'],
    ['concat', b.concat([x, x], -1), '[batch, pos, 10]'],
    ['pad', b.pad(x, -2, 1, 'batch'), '[batch, 1+batch+pos, 5]'],
    ['gather', b.gather(x, b.iota([2, 3], 0), -1), '[batch, pos, 2, 3]'],
  ])('below 0 count from the end: %s', (_, value, shape) => {
    expect(shapeKey(value.shape)).toBe(shape);
    for (const axis of Object.values(value.attributes as { axis?: number }).filter((a) => typeof a === 'number'))
      expect(axis).toBeGreaterThanOrEqual(0);
  });
  it('of reductions are sorted, so that equal reductions are equal values', () => {
    expect(b.max(x, [2, 0], true).attributes).toEqual({ axes: [0, 2], keepDims: true });
  });
  it('have sizes', () => {
    expect([b.dim(x, -1), b.dim(x, 2)]).toEqual([5, 5]);
  });
});

describe('names', () => {
  it('of roles and composites replace the value: the program has the named one', () => {
    const b = builder();
    const x = b.input('x', 'float', ['n']);
    const y = b.role(b.mul(x, b.sigmoid(x)), 'L0.mlp.out');
    const z = b.composite(y, 'silu', [x]);
    expect(b.value(y.id)).toBe(z);
    expect(z).toMatchObject({ role: 'L0.mlp.out', composite: { kind: 'silu', inputs: [x.id] } });
  });
  it('of outputs are unique, and one value may have two', () => {
    const b = builder();
    const x = b.input('x', 'float', ['n']);
    b.output('y', x);
    b.output('z', x);
    expect(b.outputs.map(({ name, id }) => [name, id])).toEqual([
      ['y', 0],
      ['z', 0],
    ]);
    expect(() => b.output('y', x)).toThrow(invalid('output "y" is named twice'));
  });
});

describe('programs', () => {
  it('are frozen as they were when built, and the builder goes on', () => {
    const b = builder();
    const x = b.input('x', 'float', ['n']);
    b.output('y', x);
    const program = b.build();
    b.output('z', b.neg(x));
    expect([program.values.length, program.outputs.length]).toEqual([1, 1]);
    expect(Object.isFrozen(program.values)).toBe(true);
    expect(b.build().values).toHaveLength(2);
  });
  it('are copied value by value, with inputs and marks renamed', () => {
    const from = builder();
    const x = from.input('x', 'float', ['n']);
    from.output('y', from.composite(from.role(from.mul(x, from.sigmoid(x)), 'L0.act'), 'silu', [x]));
    const b = builder();
    b.iota([2], 0);
    const copies = from.values.map(({ id }) => id + 1);
    for (const value of from.values) {
      const { composite, inputs } = value;
      const renamed = composite && { ...composite, inputs: composite.inputs.map((id) => copies[id]!) };
      b.copy(
        value,
        inputs.map((id) => copies[id]!),
        renamed,
      );
    }
    b.output('y', b.value(copies.at(-1)!));
    checkProgram(b.build());
    expect(b.value(3)).toMatchObject({ id: 3, inputs: [1, 2], role: 'L0.act', composite: { inputs: [1] } });
    expect(b.input('x', 'float', ['n']).id).toBe(1);
  });
});
