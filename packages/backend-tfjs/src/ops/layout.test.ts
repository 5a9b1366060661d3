import { describe, expect, it } from 'vitest';
import { loadRuntime } from '../runtime/load.js';
import { around, isInPlace, joinedForBroadcast, permuted, sameNumbers, stretched } from './layout.js';

const { tf } = await loadRuntime({ device: 'cpu', threads: undefined, folder: undefined });
const numbers = (shape: number[]) =>
  tf.tensor(
    Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => i),
    shape,
  );

describe('axes in another order', () => {
  it('move no number where only axes of size 1 change places', () => {
    expect(isInPlace([2, 1, 3], [1, 0, 2])).toBe(true);
    expect(isInPlace([2, 3, 1], [2, 0, 1])).toBe(true);
    expect(isInPlace([2, 3], [1, 0])).toBe(false);
  });
  it.each([
    [
      [2, 3, 4],
      [2, 0, 1],
    ],
    [
      [2, 3, 4, 5],
      [0, 2, 1, 3],
    ],
    [
      [2, 1, 3, 2],
      [3, 1, 0, 2],
    ],
    [
      [2, 3, 1],
      [2, 0, 1],
    ],
  ])('are those of a plain transpose: %j by %j', (shape, order) => {
    const x = numbers(shape);
    const [got, expected] = [permuted(tf, x, order), tf.transpose(x, order)];
    expect(got.shape).toEqual(expected.shape);
    expect(got.dataSync()).toEqual(expected.dataSync());
  });
});

describe('broadcasting', () => {
  it('joins neighbours that every operand has, or repeats, together', () => {
    expect(
      joinedForBroadcast(
        [
          [2, 3, 1, 1],
          [4, 5],
        ],
        [2, 3, 4, 5],
      ),
    ).toEqual([
      [6, 1],
      [1, 20],
      [6, 20],
    ]);
    expect(joinedForBroadcast([[3], [2, 1]], [2, 3])).toEqual([
      [1, 3],
      [2, 1],
      [2, 3],
    ]);
  });
  it('repeats numbers along axes of size 1 and new ones', () => {
    const x = tf.tensor([1, 2], [2, 1]);
    expect([...stretched(tf, x, [2, 2, 3]).dataSync()]).toEqual([1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2]);
  });
});

it('splits a shape into what lies before, along and after an axis', () => {
  expect(around([2, 3, 4, 5], 1)).toEqual([2, 3, 20]);
  expect(around([7], 0)).toEqual([1, 7, 1]);
});
it('gives a second handle that outlives the first', () => {
  const x = tf.tensor([1, 2], [2]);
  const same = sameNumbers(tf, x);
  x.dispose();
  expect([...same.dataSync()]).toEqual([1, 2]);
});
