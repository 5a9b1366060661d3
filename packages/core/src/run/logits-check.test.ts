import { describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { LogitsCheck } from './logits-check.js';

const checked = (...batches: readonly (readonly number[])[]) => {
  const check = new LogitsCheck('here');
  for (const batch of batches) check.add(Float32Array.from(batch), 2);
  check.end();
};

describe('LogitsCheck', () => {
  it('refuses NaN and +∞, and says whose they are; −∞ is a token that is never given', () => {
    checked([1, 2, Number.NEGATIVE_INFINITY, 3]);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(errorOf(() => checked([1, 2], [3, bad]))).toMatchObject({ code: 'not-finite', where: 'here' });
    }
    const check = new LogitsCheck('here');
    const error = errorOf(() => check.add(Float32Array.of(1, Number.NaN), 2, 'the patched outputs'));
    expect(error).toMatchObject({ parts: { what: 'the patched outputs are no numbers' } });
  });

  it('refuses four or more rows that are all alike, over batches, and fewer not', () => {
    checked([1, 2, 1, 2], [1, 2]);
    checked([1, 2, 1, 2], [1, 2, 1, 3]);
    expect(errorOf(() => checked([1, 2, 1, 2], [1, 2, 1, 2]))).toMatchObject({ code: 'not-finite' });
  });
});
