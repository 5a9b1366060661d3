import { expect, it } from 'vitest';
import { multiplyDims, toShape } from '../../program/dims.js';
import { axisGroups } from './axis-groups.js';

const groups = (from: Parameters<typeof toShape>[0], to: Parameters<typeof toShape>[0]) =>
  axisGroups(toShape(from), toShape(to)).map((group) => [group.from, group.to]);

it('pairs axes that stay as they are, one by one', () => {
  expect(groups(['batch', 'pos', 5], ['batch', 'pos', 5])).toEqual([
    [[0], [0]],
    [[1], [1]],
    [[2], [2]],
  ]);
});
it('joins what becomes one axis, also of symbols', () => {
  expect(groups(['batch', 'pos', 5], [multiplyDims('batch', 'pos'), 5])).toEqual([
    [[0, 1], [0]],
    [[2], [1]],
  ]);
});
it('splits no finer than both shapes do', () => {
  expect(groups([6, 5], [2, 3, 5])).toEqual([
    [[0], [0, 1]],
    [[1], [2]],
  ]);
  expect(groups([4, 6], [6, 4])).toEqual([
    [
      [0, 1],
      [0, 1],
    ],
  ]);
});
it('puts axes of size 1 into the group before them', () => {
  expect(groups([2, 1, 3], [2, 3])).toEqual([
    [[0, 1], [0]],
    [[2], [1]],
  ]);
});
