import { describe, expect, it } from 'vitest';
import { floatTensor, intTensor } from '../../tensor/tensor.js';
import { cutsOf, joinFloats, sliceRows, tokenBudget } from './micro-batches.js';

describe('micro-batches', () => {
  it('are as even as can be, and hold at most so many tokens', () => {
    expect(cutsOf(10, 4, 16)).toEqual([
      [0, 3],
      [3, 6],
      [6, 10],
    ]);
    expect(cutsOf(4, 4, 16)).toEqual([[0, 4]]);
    expect(cutsOf(0, 4, 16)).toEqual([]);
  });

  it('hold one prompt at least, however long it is', () => {
    expect(cutsOf(2, 100, 16)).toEqual([
      [0, 1],
      [1, 2],
    ]);
  });

  it('have rows of the input, without a copy', () => {
    const tokens = intTensor(Int32Array.of(0, 1, 2, 3, 4, 5), [3, 2]);
    const rows = sliceRows(tokens, 1, 3);
    expect(rows).toEqual(intTensor(Int32Array.of(2, 3, 4, 5), [2, 2]));
    expect(rows.data.buffer).toBe(tokens.data.buffer);
    const features = floatTensor(Float32Array.of(0, 1, 2, 3), [2, 1, 2]);
    expect(sliceRows(features, 1, 2)).toEqual(floatTensor(Float32Array.of(2, 3), [1, 1, 2]));
  });

  it('are joined in order', () => {
    expect(joinFloats([Float32Array.of(1), new Float32Array(0), Float32Array.of(2, 3)])).toEqual(
      Float32Array.of(1, 2, 3),
    );
    expect(joinFloats([])).toEqual(new Float32Array(0));
  });
});

describe('tokenBudget', () => {
  it('gives narrow models more tokens, and runs of many sources fewer', () => {
    expect(tokenBudget(1, 768).plain).toBe(256);
    expect(tokenBudget(1, 2048).plain).toBe(256);
    expect(tokenBudget(1, 64).plain).toBe(12 * 256);
    const { patched, forSources } = tokenBudget(158, 768);
    expect(patched).toBe(Math.floor((96 * 2 ** 20) / (4 * 768 * 158))); // differences of 96 MiB
    expect([forSources(158), forSources(1), forSources(0)]).toEqual([patched, 256, 256]);
    expect(tokenBudget(10 ** 9, 768).patched).toBe(1);
  });

  it('takes a number of tokens that is given, everywhere', () => {
    const { plain, patched, forSources } = tokenBudget(158, 768, 7);
    expect([plain, patched, forSources(1)]).toEqual([7, 7, 7]);
  });
});
