import { expect, it } from 'vitest';
import { elementCount, floatTensor, intTensor } from './tensor.js';

it('holds the numbers that it is given, without a copy', () => {
  const data = Float64Array.of(1, 2, 3, 4, 5, 6);
  expect(floatTensor(data, [2, 3])).toEqual({ dtype: 'float', shape: [2, 3], data });
  expect(floatTensor(data, [2, 3]).data).toBe(data);
  expect(intTensor([1, 2], [2]).data).toEqual(Int32Array.of(1, 2));
});
it('is a scalar under an empty shape, and may be empty', () => {
  expect([elementCount([]), elementCount([4, 0, 2])]).toEqual([1, 0]);
  expect(floatTensor(new Float32Array(0), [0, 3]).data).toHaveLength(0);
});
it('refuses numbers that do not fill its shape', () => {
  expect(() => intTensor([1, 2, 3], [2, 2])).toThrow(
    expect.objectContaining({ code: 'wrong-shape', kind: 'internal', fields: { shape: [2, 2], numbers: 3 } }),
  );
});
