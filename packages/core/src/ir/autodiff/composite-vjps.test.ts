import { describe, expect, it } from 'vitest';
import { interpret } from '../../backend/interpreter/interpreter.js';
import { memoryWeights } from '../../backend/memory-weights.js';
import { floatTensor } from '../../tensor/tensor.js';
import { ProgramBuilder } from '../builder/builder.js';
import type { AnyValue, CompositeKind } from '../program/program.js';
import { geluTanhSlope } from './composite-vjps.js';
import { gradient } from './gradient.js';

type Slope = (b: ProgramBuilder, x: AnyValue) => AnyValue;
const SLOPES: Partial<Record<CompositeKind, Slope>> = {
  silu: (b, x) => b.sigmoid(x),
  geluTanh: geluTanhSlope,
  gelu: (b, x) => b.mul(b.add(b.erf(b.mul(x, Math.SQRT1_2)), 1), 0.5),
};
const X = floatTensor(
  Float64Array.from({ length: 41 }, (_, i) => (i - 20) / 4),
  [41],
);

/** dΣ(y²)/dx, and with `inner` also by the slope, of y = x · slope(x) with or without its mark. */
function gradientsOf(kind: CompositeKind, { marked, inner = false }: { marked: boolean; inner?: boolean }) {
  const b = new ProgramBuilder(kind);
  const x = b.input('x', 'float', ['n']);
  const slope = SLOPES[kind]!(b, x);
  const product = b.mul(x, slope);
  const y = marked ? b.composite(product, kind, [x]) : product;
  const total = b.sum(b.add(b.mul(y, y), inner ? slope : 0), 0); // the slope may have a reader of its own
  gradient(b, total, inner ? [x, slope] : [x]).forEach((g, i) => {
    b.output(`g${i}`, g);
  });
  const program = b.build();
  return { results: interpret(program, { x: X }, memoryWeights({})), values: program.values.length };
}

describe.each(Object.keys(SLOPES) as CompositeKind[])('%s', (kind) => {
  it('has the gradient of its steps, in fewer values', () => {
    const [whole, steps] = [true, false].map((marked) => gradientsOf(kind, { marked }));
    expect(whole!.values).toBeLessThan(steps!.values);
    // both are float64 of numbers below 50
    whole!.results.g0!.data.forEach((x, i) => {
      expect(Math.abs(x - steps!.results.g0!.data[i]!)).toBeLessThan(1e-13 * 50);
    });
  });
  it('goes step by step where its slope is wanted, too', () => {
    const [whole, steps] = [true, false].map((marked) => gradientsOf(kind, { marked, inner: true }));
    expect(whole!.results).toEqual(steps!.results);
    expect(whole!.values).toBe(steps!.values);
  });
});

it('counts a reader of the slope beside the composite', () => {
  const b = new ProgramBuilder('beside');
  const x = b.input('x', 'float', ['n']);
  const slope = b.sigmoid(x);
  const y = b.composite(b.mul(x, slope), 'silu', [x]);
  const [g] = gradient(b, b.sum(b.add(y, slope), 0), [x]);
  b.output('g', g!);
  const { data } = interpret(b.build(), { x: floatTensor(Float64Array.of(0), [1]) }, memoryWeights({})).g!;
  expect(data[0]).toBeCloseTo(0.5 + 0.25, 12); // σ(0) + 0·σ′ of the product, σ′(0) of the slope alone
});

it('is tanh GELU in its usual form', () => {
  const b = new ProgramBuilder('forms');
  const x = b.input('x', 'float', ['n']);
  b.output('y', b.mul(x, geluTanhSlope(b, x)));
  const { data } = interpret(b.build(), { x: X }, memoryWeights({})).y!;
  X.data.forEach((v, i) => {
    const usual = 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)));
    expect(Math.abs(data[i]! - usual)).toBeLessThan(1e-14);
  });
});
