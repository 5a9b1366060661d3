import { expect, it } from 'vitest';
import { ProgramBuilder } from '../builder/builder.js';
import type { AnyValue } from '../program/program.js';
import { scalarOperands } from './scalar-operands.js';

const asScalars = (make: (b: ProgramBuilder, x: AnyValue) => AnyValue): readonly boolean[] => {
  const b = new ProgramBuilder('test');
  const value = make(b, b.input('x', 'float', ['n', 4]));
  return scalarOperands(b.build(), value);
};

it('gives a constant of one number as a scalar, whatever its shape', () => {
  expect(asScalars((b, x) => b.add(x, 2))).toEqual([false, true]);
  expect(asScalars((b, x) => b.sub(b.constant(2, ['n', 4]), x))).toEqual([true, false]);
  expect(asScalars((b, x) => b.where(b.less(x, 0), x, 0))).toEqual([false, false, true]);
});
it('keeps a constant that gives the result its shape', () => {
  expect(asScalars((b, x) => b.add(x, b.constant(2, [3, 'n', 4])))).toEqual([false, false]);
  expect(asScalars((b) => b.add(b.constant(1, [2]), b.constant(2, [2])))).toEqual([false, false]);
});
it('keeps tables, and operands of ops that do not broadcast', () => {
  expect(asScalars((b, x) => b.add(x, b.constant([1, 2, 3, 4], [4])))).toEqual([false, false]);
  expect(asScalars((b, x) => b.concat([x, b.constant(2, ['n', 4])], 0))).toEqual([false, false]);
  expect(asScalars((b) => b.neg(b.constant(2, [3])))).toEqual([false]);
});
