import { describe, expect, it } from 'vitest';
import { memoryWeights } from '../backend/memory-weights.js';
import { ProgramBuilder } from '../ir/builder/builder.js';
import { floatTensor } from '../tensor/tensor.js';
import { roundingsAmplified } from './roundings.js';

const NO_WEIGHTS = memoryWeights({});
const feeds = { x: floatTensor(Float32Array.of(1, 0.5), [2]) };

describe('roundingsAmplified', () => {
  it('is about one for one op', () => {
    const b = new ProgramBuilder('product');
    b.output('y', b.mul(b.input('x', 'float', [2]), 3));
    // 3 · 2⁻²³ on numbers of up to 3
    expect(roundingsAmplified(b.build(), feeds, NO_WEIGHTS)).toBeCloseTo(1, 5);
  });
  it('shows a cancellation that is exact in float32', () => {
    const b = new ProgramBuilder('cancellation');
    const x = b.input('x', 'float', [2]);
    b.output('y', b.sub(b.mul(x, 1024), b.mul(x, 1023)));
    // one product up and one down: 2047 roundings of 1
    expect(roundingsAmplified(b.build(), feeds, NO_WEIGHTS)).toBeCloseTo(2048, -1);
  });
  it('leaves what only moves alone', () => {
    const b = new ProgramBuilder('moved');
    b.output('y', b.transpose(b.broadcast(b.input('x', 'float', [2]), [3, 2]), [1, 0]));
    expect(roundingsAmplified(b.build(), feeds, NO_WEIGHTS)).toBe(0);
  });
});
