import { type AnyValue, ProgramBuilder } from '@auto-circuit/core/backend';
import { describe, expect, it } from 'vitest';
import { planProgram } from './plan.js';

function planned(write: (b: ProgramBuilder, x: AnyValue) => void) {
  const b = new ProgramBuilder('plan');
  write(b, b.input('x', 'float', ['n', 4]));
  return planProgram(b.build());
}

describe('a plan', () => {
  it('computes what outputs need, and frees each value after its last use', () => {
    const { steps } = planned((b, x) => {
      const y = b.neg(x); // 1
      b.exp(y); // 2, unread
      b.output('z', b.mul(y, b.add(x, y))); // 3 add, 4 mul
      b.output('y', y);
    });
    expect(steps.map(({ value, operands, lastUses }) => [value.id, operands, lastUses])).toEqual([
      [0, [], []],
      [1, [0], []],
      [3, [0, 1], [0]],
      [4, [1, 3], [3]],
    ]);
  });
  it('holds tables and single numbers once, and does not compute them', () => {
    const plan = planned((b, x) => {
      const table = b.constant([1, 2, 3, 4], [4]);
      b.output('y', b.mul(b.add(x, table), b.sub(table, b.add(x, 5))));
    });
    expect(plan.held).toEqual([
      { dtype: 'float', shape: [4], data: [1, 2, 3, 4] },
      { dtype: 'float', shape: [], data: [5] },
    ]);
    expect(plan.steps.map(({ value, operands }) => [value.op, operands])).toEqual([
      ['input', []],
      ['add', [0, -1]],
      ['add', [0, -2]],
      ['sub', [-1, 4]],
      ['mul', [2, 5]],
    ]);
  });
  it('computes a constant that is an output, or that gives the result its shape', () => {
    const plan = planned((b, x) => {
      b.output('ones', b.constant(1, [2]));
      b.output('wide', b.add(x, b.constant(2, [3, 'n', 4])));
    });
    expect(plan.held).toEqual([]);
    expect(plan.steps.filter(({ value }) => value.op === 'constant')).toHaveLength(2);
  });
  it('names weights once', () => {
    const plan = planned((b, x) => {
      const a = b.weight('a', [4, 4]);
      b.output('y', b.matmul(b.matmul(x, a), b.add(b.weight('c', [4, 4]), a)));
    });
    expect(plan.weightNames).toEqual(['a', 'c']);
  });
});
