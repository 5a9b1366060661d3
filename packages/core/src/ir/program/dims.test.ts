import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addDims,
  broadcastShapes,
  type Dim,
  dimKey,
  dimsEqual,
  evaluateDim,
  evaluateShape,
  mayBeEmpty,
  multiplyDims,
  negateDim,
  SELECTED,
  shapeKey,
  sizeOf,
  subtractDims,
  symbolItself,
  symbolsOf,
  toDim,
  toShape,
} from './dims.js';

const SIZES = { a: 2, b: 3, c: 7 };
/** Polynomials with whole coefficients, built in some order. */
const polynomial: fc.Arbitrary<Dim> = fc.letrec<{ dim: Dim }>((tie) => ({
  dim: fc.oneof(
    { depthSize: 'small' },
    fc.integer({ min: -3, max: 3 }),
    fc.constantFrom('a', 'b', 'c').map(toDim),
    fc.tuple(tie('dim'), tie('dim')).map(([x, y]) => addDims(x, y)),
    fc.tuple(tie('dim'), tie('dim')).map(([x, y]) => multiplyDims(x, y)),
    tie('dim').map(negateDim),
  ),
})).dim;

describe('dims', () => {
  it('compute with symbols as with the numbers that they stand for', () => {
    fc.assert(
      fc.property(polynomial, polynomial, (x, y) => {
        const at = (dim: Dim): number => evaluateDim(dim, SIZES) + 0; // −0 is 0
        expect(at(addDims(x, y))).toBe(at(x) + at(y));
        expect(at(subtractDims(x, y))).toBe(at(x) - at(y));
        expect(at(multiplyDims(x, y))).toBe(at(x) * at(y) + 0);
      }),
      { numRuns: 300, seed: 1 },
    );
  });
  it('are equal, with equal keys, in whatever order they were put together', () => {
    fc.assert(
      fc.property(polynomial, polynomial, polynomial, (x, y, z) => {
        const expanded = addDims(multiplyDims(z, x), multiplyDims(y, z));
        expect(dimKey(multiplyDims(addDims(x, y), z))).toBe(dimKey(expanded));
        expect(dimsEqual(subtractDims(expanded, expanded), 0)).toBe(true);
      }),
      { numRuns: 300, seed: 2 },
    );
  });
  it('are plain numbers when no symbol is left', () => {
    expect(subtractDims(addDims('a', 5), 'a')).toBe(5);
    expect(multiplyDims('a', 0)).toBe(0);
    expect(multiplyDims()).toBe(1);
  });
  it('have a key that people can read, constant first', () => {
    expect(dimKey(addDims(multiplyDims(2, 'pos', 'batch'), multiplyDims('pos', 'pos'), -3))).toBe(
      '-3+2*batch*pos+pos*pos',
    );
    expect(shapeKey(toShape(['batch', 12]))).toBe('[batch, 12]');
  });
  it('know their symbols, and when they are just one', () => {
    expect(symbolsOf(addDims(multiplyDims('b', 'a'), 'a', 1))).toEqual(['a', 'b']);
    expect(symbolsOf(4)).toEqual([]);
    expect(symbolItself(toDim('pos'))).toBe('pos');
    for (const dim of [4, addDims('pos', 1), multiplyDims(2, 'pos'), multiplyDims('pos', 'pos')])
      expect(symbolItself(dim)).toBeUndefined();
  });
  it('may be empty only with a symbol of sparse rows', () => {
    expect(mayBeEmpty(multiplyDims(`${SELECTED}L0.mlp`, 'pos'))).toBe(true);
    expect(mayBeEmpty(toDim('pos'))).toBe(false);
    expect(mayBeEmpty(0)).toBe(false);
  });
  it('refuse a symbol without a size, and name it', () => {
    expect(() => evaluateDim(addDims('a', 'pos'), SIZES)).toThrow(
      expect.objectContaining({ code: 'invalid-program', kind: 'internal', fields: { symbol: 'pos' } }),
    );
  });
});

describe('shapes', () => {
  it('count their elements, a scalar one', () => {
    expect(dimKey(sizeOf(toShape(['batch', 3, 'pos'])))).toBe('3*batch*pos');
    expect(sizeOf([])).toBe(1);
    expect(evaluateShape(toShape(['a', 4, multiplyDims('b', 'c')]), SIZES)).toEqual([2, 4, 21]);
  });
  it.each([
    [['batch', 1, 5], ['pos', 1], '[batch, pos, 5]'],
    [[], ['batch'], '[batch]'],
    [[1], [7], '[7]'],
    [['pos', 'pos'], ['pos'], '[pos, pos]'],
  ])('broadcast as in NumPy: %j with %j', (a, b, result) => {
    expect(shapeKey(broadcastShapes(toShape(a), toShape(b)))).toBe(result);
    expect(shapeKey(broadcastShapes(toShape(b), toShape(a)))).toBe(result);
  });
  it.each([
    [['batch'], ['pos']],
    [[2], [3]],
    [
      ['pos', 1],
      [2, 'pos'],
    ],
  ])('refuse to broadcast %j with %j', (a, b) => {
    expect(() => broadcastShapes(toShape(a), toShape(b))).toThrow(
      expect.objectContaining({ code: 'wrong-shape', fields: { shapes: [toShape(a), toShape(b)].map(shapeKey) } }),
    );
  });
});
