import { expect, it } from 'vitest';
import { memoryWeights } from './memory-weights.js';

const W = { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) };

it('gives entries and numbers by name, without a copy', () => {
  const store = memoryWeights({ w: W });
  expect(store.names).toEqual(['w']);
  expect(store.entry('w')).toBe(W);
  expect(store.read('w')).toBe(W.data);
});
it('has a key of its content: names, shapes and numbers, in any order', () => {
  const v = { shape: [1], data: Float32Array.of(7) };
  const { key } = memoryWeights({ w: W, v });
  expect(memoryWeights({ v, w: { ...W } }).key).toBe(key);
  const others = [
    { w: W, u: v },
    { w: { ...W, shape: [4] }, v },
    { w: { ...W, data: Float32Array.of(1, 2, 3, 5) }, v },
    { w: W },
  ];
  for (const other of others) expect(memoryWeights(other).key).not.toBe(key);
  expect(memoryWeights({ w: W }, 'mine').key).toBe('mine');
});
it('hashes the part of an array that a weight is', () => {
  const whole = Float32Array.of(0, 1, 2, 3, 4, 0);
  expect(memoryWeights({ w: { shape: [2, 2], data: whole.subarray(1, 5) } }).key).toBe(memoryWeights({ w: W }).key);
});
it('refuses numbers that do not fill the shape, and names that it does not have', () => {
  expect(() => memoryWeights({ w: { ...W, shape: [3] } })).toThrow(
    expect.objectContaining({ code: 'wrong-shape', fields: { weight: 'w', shape: [3], numbers: 4 } }),
  );
  expect(() => memoryWeights({ w: W }).entry('W')).toThrow(
    expect.objectContaining({ code: 'unknown-name', fields: expect.objectContaining({ name: 'W', known: ['w'] }) }),
  );
});
