/** @file Activations by name, against the values that Hugging Face transformers 5.23 gives in float64. */
import { floatTensor, interpret, memoryWeights, ProgramBuilder } from '@auto-circuit/core/backend';
import { describe, expect, it } from 'vitest';
import { errorWith } from '../testing/error-matcher.js';
import { ACTIVATIONS, activationNamed } from './layers.js';

const X = [-1.5, 0.3, 2];
const GELU = [-0.10021080190328713, 0.18537342665668577, 1.9544997361036416];
const TANH = [-0.10042842301976707, 0.18537092354275922, 1.954597694087775];
const SILU = [-0.2736382857095345, 0.1723327550434977, 1.7615941559557646];
const VALUES: Readonly<Record<string, readonly number[]>> = {
  relu: [0, 0.3, 2],
  relu2: [0, 0.09, 4],
  gelu: GELU,
  gelu_python: GELU,
  gelu_new: TANH,
  gelu_accurate: TANH,
  gelu_fast: TANH, // its √(2/π) has ten digits
  gelu_pytorch_tanh: TANH,
  gelu_python_tanh: TANH,
  quick_gelu: [-0.10833780155292341, 0.1874841353815917, 1.9356586231442083],
  silu: SILU,
  swish: SILU,
};

describe('activations', () => {
  it.each(Object.keys(ACTIVATIONS))('%s has the values of transformers', (name) => {
    const b = new ProgramBuilder('activation');
    b.output('y', ACTIVATIONS[name]!(b, b.input('x', 'float', [3]), 'L0.mlp'));
    const feeds = { x: floatTensor(Float64Array.from(X), [3]) };
    const { y } = interpret(b.build(), feeds, memoryWeights({}), { precision: 'float64' });
    expect(VALUES[name]).toBeDefined();
    // erf is good to 1e-7 or better; the others to rounding
    Array.from(y!.data).forEach((value, i) => {
      expect(Math.abs(value - VALUES[name]![i]!)).toBeLessThan(2e-7);
    });
  });

  it('that are not built are refused by name', () => {
    expect(() => activationNamed('mish')).toThrow(errorWith('unsupported-model', { key: 'hidden_act', name: 'mish' }));
  });
});
