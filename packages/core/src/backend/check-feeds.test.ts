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
  it.each<[string, Record<string, Tensor>, string, RegExp]>([
    ['a wrong dtype', { ...good, ids: zeros(5) }, 'ids', /wrong dtype: expected int/],
    ['a wrong rank', { ...good, x: zeros(2, 3) }, 'x', /wrong rank/],
    ['a wrong fixed size', { ...good, x: zeros(2, 3, 5) }, 'x', /wrong size along axis 2: expected 4, got 5/],
    ['inputs that disagree', { ...good, y: zeros(3, 6) }, 'y', /wrong size along axis 0: expected batch = 2/],
    ['a product that does not fit', { ...good, y: zeros(2, 7) }, 'y', /expected batch\*pos = 6/],
    ['an even 2*kept+1', { ...good, ids: intTensor(new Int32Array(4), [4]) }, 'ids', /wrong size/],
    ['an empty axis', { ...good, x: zeros(0, 3, 4) }, 'x', /empty axis/],
    [
      'data that do not fill',
      { ...good, x: { dtype: 'float', shape: [2, 3, 4], data: new Float32Array(3) } },
      'x',
      /expected 24 numbers, got 3/,
    ],
  ])('refuses %s, and says which input and why', (_, feeds, input, sentence) => {
    expect(() => checkFeeds(program, feeds)).toThrow(
      expect.objectContaining({
        code: 'invalid-feed',
        fields: { program: program.name, input },
        message: expect.stringMatching(sentence),
      }),
    );
  });
  it('refuses a missing feed, and an extra one with the names that there are', () => {
    const { x, ids } = good;
    expect(() => checkFeeds(program, { x, ids })).toThrow(
      expect.objectContaining({ code: 'invalid-feed', fields: { program: program.name, input: 'y' } }),
    );
    expect(() => checkFeeds(program, { ...good, z: zeros(1) })).toThrow(
      expect.objectContaining({
        code: 'unknown-name',
        fields: expect.objectContaining({ name: 'z', known: ['x', 'y', 'ids'] }),
      }),
    );
  });
});
