import { describe, expect, it } from 'vitest';
import { interpret } from '../../backend/interpreter/interpreter.js';
import { memoryWeights } from '../../backend/memory-weights.js';
import { floatTensor } from '../../tensor/tensor.js';
import { ProgramBuilder } from '../builder/builder.js';
import { checkProgram } from '../builder/check.js';
import { simplify } from '../passes/simplify.js';
import type { AnyValue } from '../program/program.js';
import type { BackwardOverride } from './backward-overrides.js';
import { gradient } from './gradient.js';

/** Value and gradient of Σ cᵢ·yᵢ at x, in float64, under overrides. */
function at(
  x: readonly number[],
  c: readonly number[],
  rules: readonly BackwardOverride[],
  make: (b: ProgramBuilder, x: AnyValue) => AnyValue,
) {
  const b = new ProgramBuilder('rules');
  const input = b.input('x', 'float', [x.length]);
  const y = make(b, input);
  const total = b.sum(b.mul(y, b.constant(c, y.shape)), 0);
  const [dx] = gradient(b, total, [input], rules);
  b.output('y', y);
  b.output('dx', dx!);
  const program = simplify(b.build());
  checkProgram(program);
  const results = interpret(program, { x: floatTensor(Float64Array.from(x), [x.length]) }, memoryWeights({}));
  return { y: [...results.y!.data], dx: [...results.dx!.data] };
}
const close = (got: readonly number[], expected: readonly number[]): void => {
  expect(got).toHaveLength(expected.length);
  // A few float64 steps of numbers below 10.
  for (const [i, e] of expected.entries()) expect(Math.abs(got[i]! - e)).toBeLessThan(100 * Number.EPSILON);
};

describe('backward overrides', () => {
  it('stop: a value counts as a constant, and the forward value stays', () => {
    // y = x/√(mean x²): at (3, 4) with c = (1, 0), 1/σ = √2/5
    const norm = (b: ProgramBuilder, x: AnyValue): AnyValue =>
      b.mul(x, b.role(b.rsqrt(b.mean(b.mul(x, x), 0, true)), 'L0.ln1.scale'));
    const scale = Math.SQRT2 / 5;
    const free = at([3, 4], [1, 0], [], norm);
    const stopped = at([3, 4], [1, 0], [{ kind: 'stop', role: 'scale' }], norm);
    expect(stopped.y).toEqual(free.y);
    close(stopped.dx, [scale, 0]);
    close(free.dx, [scale - (9 / 25) * scale, -(12 / 25) * scale]); // scale·(1 − x xᵀ/|x|²)
  });
  it('scale: what passes on is multiplied, once for each value of the role', () => {
    // y = g·u with g = 2x, u = 3x: dy/dx = 2·3x + 3·2x
    const gated = (b: ProgramBuilder, x: AnyValue): AnyValue =>
      b.mul(b.role(b.mul(x, 2), 'L1.mlp.gate'), b.role(b.mul(x, 3), 'L1.mlp.up'));
    close(at([5], [1], [], gated).dx, [60]);
    close(at([5], [1], [{ kind: 'scale', role: 'mlp.gate', factor: 0.5 }], gated).dx, [45]);
    const half = ['mlp.gate', 'mlp.up'].map((role) => ({ kind: 'scale', role, factor: 0.5 }) as const);
    expect(at([5], [1], half, gated)).toEqual({ y: [150], dx: [30] });
  });
  it('softmaxTemperature: passes as through softmax(x / T), without 1/T', () => {
    const x = [0, 2 * Math.log(3)]; // softmax(x) = (1, 9)/10, softmax(x/2) = (1, 3)/4
    const pattern = (b: ProgramBuilder, v: AnyValue): AnyValue => b.role(b.softmax(v), 'L0.attn.pattern');
    const rule = (temperature: number): BackwardOverride[] => [
      { kind: 'softmaxTemperature', role: 'attn.pattern', temperature },
    ];
    close(at(x, [1, 0], [], pattern).dx, [9 / 100, -9 / 100]);
    const softer = at(x, [1, 0], rule(2), pattern);
    close(softer.y, [0.1, 0.9]);
    close(softer.dx, [3 / 16, -3 / 16]);
    expect(at(x, [1, 0], rule(1), pattern)).toEqual(at(x, [1, 0], [], pattern));
  });
  it('leaves the gradient of the value itself as it is', () => {
    const b = new ProgramBuilder('itself');
    const x = b.input('x', 'float', []);
    const y = b.role(b.mul(x, 2), 'L0.attn.pattern');
    const [dy, dx] = gradient(b, b.mul(y, 3), [y, x], [{ kind: 'stop', role: 'attn.pattern' }]);
    b.output('dy', dy!);
    b.output('dx', dx!);
    const { dy: own, dx: below } = interpret(b.build(), { x: floatTensor(Float64Array.of(1), []) }, memoryWeights({}));
    expect([own!.data[0], below!.data[0]]).toEqual([3, 0]);
  });
  it('means the whole end of a role, from a dot on', () => {
    const make = (b: ProgramBuilder, x: AnyValue): AnyValue => b.role(b.mul(x, 2), 'L0.upscale');
    expect(() => at([1], [1], [{ kind: 'stop', role: 'scale' }], make)).toThrow(
      expect.objectContaining({
        code: 'unknown-name',
        fields: expect.objectContaining({ name: 'scale', known: ['upscale'] }),
      }),
    );
    close(at([1], [1], [{ kind: 'stop', role: 'upscale' }], make).dx, [0]);
    close(at([1], [1], [{ kind: 'stop', role: 'L0.upscale' }], make).dx, [0]);
  });
  it('refuses two overrides for one value, and one for softmax elsewhere', () => {
    const make = (b: ProgramBuilder, x: AnyValue): AnyValue => b.role(b.mul(x, 2), 'L0.mlp.up');
    const half: BackwardOverride = { kind: 'scale', role: 'mlp.up', factor: 0.5 };
    expect(() => at([1], [1], [half, { kind: 'stop', role: 'up' }], make)).toThrow(
      expect.objectContaining({
        code: 'invalid-request',
        fields: { role: 'L0.mlp.up' },
        message: expect.stringContaining('scale at "mlp.up" and stop at "up"'),
      }),
    );
    const softer: BackwardOverride = { kind: 'softmaxTemperature', role: 'mlp.up', temperature: 2 };
    expect(() => at([1], [1], [softer], make)).toThrow(
      expect.objectContaining({
        code: 'invalid-request',
        fields: { role: 'mlp.up' },
        message: expect.stringContaining('got mul'),
      }),
    );
  });
});
