import { describe, expect, it } from 'vitest';
import { interpret } from '../backend/interpreter/interpreter.js';
import { memoryWeights } from '../backend/memory-weights.js';
import { ProgramBuilder } from '../ir/builder/builder.js';
import type { AnyValue } from '../ir/program/program.js';
import { floatTensor } from '../tensor/tensor.js';
import { largestDifference } from '../testing/patched-logits.js';
import { normalize, normed, normFactors, withNormWeights } from './norm.js';

const X = [3, -1, 4, 2];
const [WEIGHT, BIAS] = [
  [1, 2, 0.5, -1],
  [10, 0, -3, 1],
];
function run(make: (b: ProgramBuilder, x: AnyValue, weight: AnyValue, bias: AnyValue) => void) {
  const b = new ProgramBuilder('norm');
  const [x, weight, bias] = [
    b.input('x', 'float', ['batch', 4]),
    b.input('weight', 'float', [4]),
    b.input('bias', 'float', [4]),
  ];
  make(b, x, weight, bias);
  const feeds = {
    x: floatTensor(Float64Array.from(X), [1, 4]),
    weight: floatTensor(Float64Array.from(WEIGHT!), [4]),
    bias: floatTensor(Float64Array.from(BIAS!), [4]),
  };
  return { program: b.build(), results: interpret(b.build(), feeds, memoryWeights({})) };
}
const mean = (xs: readonly number[]): number => xs.reduce((a, x) => a + x, 0) / xs.length;

describe.each([
  ['layerNorm', X.map((x) => x - mean(X))],
  ['rmsNorm', X],
] as const)('%s', (kind, centred) => {
  const scale = 1 / Math.sqrt(mean(centred.map((x) => x * x)) + 0.5);
  const bare = { kind, epsilon: 0.5, role: 'L0.ln1' };
  it('is what is centred, times one over its root mean square', () => {
    const { program, results } = run((b, x) => {
      const factors = normFactors(b, x, bare);
      b.output('centred', factors.centred);
      b.output('scale', factors.scale);
      b.output('value', normalize(b, x, bare).value);
    });
    expect(largestDifference(results.centred!.data, centred)).toBeLessThan(1e-15);
    expect(results.scale!.data[0]).toBeCloseTo(scale, 14);
    expect(
      largestDifference(
        results.value!.data,
        centred.map((x) => x * scale),
      ),
    ).toBeLessThan(1e-14);
    const roles = program.values.map(({ role }) => role);
    expect(roles).toContain('L0.ln1.scale');
    expect(roles).toContain('L0.ln1.normalized');
    expect(program.values.find(({ composite }) => composite)?.composite).toMatchObject({
      kind,
      attributes: { epsilon: 0.5 },
    });
  });
  it('is followed by its weight and its bias, as far as it has them', () => {
    const { results } = run((b, x, weight, bias) => {
      b.output('both', normed(b, x, { ...bare, weight, bias }));
      b.output('weight', withNormWeights(b, x, { ...bare, weight, bias: null }));
      b.output('neither', withNormWeights(b, x, { ...bare, weight: null, bias: null }));
      b.output('none', normed(b, x, null));
    });
    expect(
      largestDifference(
        results.both!.data,
        centred.map((x, i) => x * scale * WEIGHT![i]! + BIAS![i]!),
      ),
    ).toBeLessThan(1e-14);
    expect([...results.weight!.data]).toEqual(X.map((x, i) => x * WEIGHT![i]!));
    expect([...results.neither!.data]).toEqual(X);
    expect([...results.none!.data]).toEqual(X);
  });
});
