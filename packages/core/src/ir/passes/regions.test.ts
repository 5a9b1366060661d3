import { describe, expect, it } from 'vitest';
import { interpret } from '../../backend/interpreter/interpreter.js';
import { memoryWeights } from '../../backend/memory-weights.js';
import { floatTensor } from '../../tensor/tensor.js';
import { checkProgram } from '../builder/check.js';
import { type Shape, shapeKey } from '../program/dims.js';
import {
  alignedRegion,
  cut,
  cutShape,
  isAxis,
  NO_RULES,
  padded,
  type Region,
  regionOf,
  reshapedRegion,
  sameRegion,
} from './regions.js';
import { Rewriter } from './rules/rewriter.js';

/** Entries 1 and 2 of the middle axis of [2, 4, 3]. */
const MIDDLE = regionOf(1, 4, 1, 3);
const X = floatTensor(
  Float64Array.from({ length: 24 }, (_, i) => i + 1),
  [2, 4, 3],
);
/** What cutting a region of [2, 4, 3], reshaped, gives, and the same put back among zeros. */
function roundTrip(shape: Shape, region: Region) {
  const r = new Rewriter(NO_RULES);
  const x = r.leaf('input', { name: 'x' }, 'float', [2, 4, 3]);
  const reshaped = r.make('reshape', [x], { shape });
  const inside = cut(r, reshaped, shape, region);
  const back = padded(r, inside, shape, region);
  expect(shapeKey(r.shape(inside))).toBe(shapeKey(cutShape(shape, region)));
  expect(shapeKey(r.shape(back))).toBe(shapeKey(shape));
  const program = {
    name: 'regions',
    values: r.values,
    outputs: [
      { name: 'inside', id: inside },
      { name: 'back', id: back },
    ],
  };
  checkProgram(program);
  const results = interpret(program, { x: X }, memoryWeights({}));
  return { inside: [...results.inside!.data], back: [...results.back!.data] };
}
const INSIDE = [4, 5, 6, 7, 8, 9, 16, 17, 18, 19, 20, 21];

describe('a region', () => {
  it.each<[string, Shape]>([
    ['as it is', [2, 4, 3]],
    ['with its axis joined to the one after it', [2, 12]],
    ['with its axis joined to the one before it', [8, 3]],
    ['with all axes joined', [24]],
    ['with new axes of size 1', [1, 2, 1, 4, 3, 1]],
  ])('holds the same elements after a reshape: %s', (_, shape) => {
    const region = reshapedRegion(MIDDLE, [2, 4, 3], shape)!;
    const { inside, back } = roundTrip(shape, region);
    expect(inside).toEqual(INSIDE);
    expect(back).toEqual([...X.data].map((x) => (INSIDE.includes(x) ? x : 0)));
  });
  it('is not followed where a reshape cuts its axis into two', () => {
    expect(reshapedRegion(MIDDLE, [2, 4, 3], [2, 2, 2, 3])).toBeUndefined();
    expect(reshapedRegion(MIDDLE, [2, 4, 3], [6, 4])).toBeUndefined();
  });
  it('comes back from joined axes as it was', () => {
    const joined = reshapedRegion(MIDDLE, [2, 4, 3], [24])!;
    expect(isAxis(joined)).toBe(false);
    expect(sameRegion(reshapedRegion(joined, [24], [2, 4, 3])!, MIDDLE)).toBe(true);
  });
  it('is aligned with operands at the last axis, and not asked of what is repeated', () => {
    expect(alignedRegion(MIDDLE, [2, 4, 3], [4, 3])).toEqual({ ...MIDDLE, axis: 0 });
    expect(alignedRegion(MIDDLE, [2, 4, 3], [1, 3])).toBeNull();
    expect(alignedRegion(MIDDLE, [2, 4, 3], [3])).toBeNull();
  });
  it('is another one with other entries, another axis or another neighbour', () => {
    expect(sameRegion(MIDDLE, regionOf(1, 4, 1, 3))).toBe(true);
    for (const other of [regionOf(1, 4, 0, 3), regionOf(0, 4, 1, 3), { ...MIDDLE, trailing: [3] }])
      expect(sameRegion(MIDDLE, other)).toBe(false);
  });
});
