import { describe, expect, it } from 'vitest';
import { ProgramBuilder } from '../ir/builder/builder.js';
import { addDims, multiplyDims } from '../ir/program/dims.js';
import { floatTensor, intTensor, type Tensor } from '../tensor/tensor.js';
import { checkFeeds } from './check-feeds.js';

const zeros = (...shape: number[]): Tensor => floatTensor(new Float32Array(shape.reduce((n, d) => n * d, 1)), shape);

const b = new ProgramBuilder('p');
b.input('x', 'float', ['batch', 'pos', 4]);
b.input('y', 'float', ['batch', multiplyDims('batch', 'pos')]);
b.input('ids', 'int', [addDims(multiplyDims(2, 'kept'), 1)]);
const program = b.build();
const good = { x: zeros(2, 3, 4), y: zeros(2, 6), ids: intTensor(new Int32Array(5), [5]) };

describe('checkFeeds', () => {
  it('gives every symbol its size, also from 2*kept+1', () => {
    expect(checkFeeds(program, good)).toEqual({ batch: 2, pos: 3, kept: 2 });
  });
  it.each<[string, Record<string, Tensor>, RegExp]>([
    ['an extra feed', { ...good, z: zeros(1) }, /unknown input "z".*known: x, y, ids/],
    ['a wrong dtype', { ...good, ids: zeros(5) }, /"ids" has the wrong dtype: expected int/],
    ['a wrong rank', { ...good, x: zeros(2, 3) }, /"x" has the wrong rank/],
    ['a wrong fixed size', { ...good, x: zeros(2, 3, 5) }, /"x" has the wrong size along axis 2: expected 4, got 5/],
    ['inputs that disagree', { ...good, y: zeros(3, 6) }, /"y" has the wrong size along axis 0: expected batch = 2/],
    ['a product that does not fit', { ...good, y: zeros(2, 7) }, /expected batch\*pos = 6/],
    ['an even 2*kept+1', { ...good, ids: intTensor(new Int32Array(4), [4]) }, /"ids" has the wrong size/],
    ['an empty axis', { ...good, x: zeros(0, 3, 4) }, /"x" has an empty axis/],
    [
      'data that do not fill',
      { ...good, x: { dtype: 'float', shape: [2, 3, 4], data: new Float32Array(3) } },
      /expected 24 numbers, got 3/,
    ],
  ])('refuses %s', (_, feeds, message) => {
    expect(() => checkFeeds(program, feeds)).toThrow(message);
  });
  it('refuses a missing feed', () => {
    const { x, ids } = good;
    expect(() => checkFeeds(program, { x, ids })).toThrow(/input "y" is not fed/);
  });
});
