import { describe, expect, it } from 'vitest';
import { NO_RULES } from '../regions.js';
import { Rewriter } from './rewriter.js';

const LINE = { dtype: 'float', shape: [3] } as const;
const input = (r: Rewriter, name: string): number => r.leaf('input', { name }, LINE.dtype, LINE.shape);

describe('a rewriter', () => {
  it('makes equal values once, and unlike ones apart', () => {
    const r = new Rewriter(NO_RULES);
    const [x, y] = [input(r, 'x'), input(r, 'y')];
    const sum = r.make('add', [x, y], {});
    expect(r.make('add', [x, y], {})).toBe(sum);
    expect(r.make('add', [y, x], {})).not.toBe(sum);
    expect(r.make('sub', [x, y], {})).not.toBe(sum);
    const table = (data: number[]) => r.leaf('constant', { data }, 'float', [2]);
    expect(table([0, 1])).toBe(table([0, 1]));
    expect(table([-0, 1])).not.toBe(table([0, 1])); // 1/−0 is not 1/0
    expect(r.leaf('constant', { data: [1] }, 'float', [2])).not.toBe(r.leaf('constant', { data: [1] }, 'float', [3]));
    expect(r.leaf('constant', { data: [1] }, 'int', [2])).not.toBe(r.leaf('constant', { data: [1] }, 'float', [2]));
  });
  it('gives what the first rule that applies gives, and makes the value where none does', () => {
    const r = new Rewriter({
      ...NO_RULES,
      neg: [
        (_, { inputs: [x] }) => (r.value(x!).op === 'neg' ? r.value(x!).inputs[0] : undefined),
        (_, { inputs: [x] }) => (r.value(x!).op === 'abs' ? x : undefined),
      ],
    });
    const x = input(r, 'x');
    const negative = r.make('neg', [x], {});
    expect(r.value(negative)).toMatchObject({ op: 'neg', inputs: [x], ...LINE });
    expect(r.make('neg', [negative], {})).toBe(x);
    const size = r.make('abs', [x], {});
    expect(r.make('neg', [size], {})).toBe(size);
  });
  it('adds names to a value, and leaves those that it has', () => {
    const r = new Rewriter(NO_RULES);
    const x = input(r, 'x');
    r.annotate(x, { role: 'first' });
    r.annotate(x, { role: 'second', composite: { kind: 'silu', inputs: [x], attributes: {} } });
    expect(r.value(x)).toMatchObject({ role: 'first', composite: { kind: 'silu' } });
  });
});
