import { expect, it } from 'vitest';
import { halfToNumber, numberToHalf, toHalves } from './half.js';

const everyHalf = Array.from({ length: 65536 }, (_, bits) => bits);

it('gives every half back', () => {
  const changed = everyHalf.filter((bits) => numberToHalf(halfToNumber(bits)) !== bits);
  expect(changed.every((bits) => Number.isNaN(halfToNumber(bits)))).toBe(true);
  expect(halfToNumber(numberToHalf(Number.NaN))).toBeNaN();
});

it('takes the nearest half, and the even one of two, between any two neighbours', () => {
  const wrong = everyHalf.slice(0, 0x7c00).filter((bits) => {
    const low = halfToNumber(bits);
    const high = bits === 0x7bff ? 65536 : halfToNumber(bits + 1); // where the next one would be
    const middle = (low + high) / 2; // exact in float64
    const little = (high - low) / 1e6;
    const even = bits % 2 === 0 ? bits : bits + 1;
    const given = [middle, middle - little, -middle - little].map(numberToHalf);
    return given.join() !== [even, bits, 0x8000 | (bits + 1)].join();
  });
  expect(wrong).toEqual([]);
});

// numpy.array([...]).astype(numpy.float16).view(numpy.uint16)
it('agrees with numpy', () => {
  const numbers = [1 / 3, -0.1, 65519.9, 65520, 1e-8, 3e-8, -0, Math.PI, 6.1e-5, Number.NEGATIVE_INFINITY];
  const expected = [0x3555, 0xae66, 0x7bff, 0x7c00, 0x0000, 0x0001, 0x8000, 0x4248, 0x03ff, 0xfc00];
  expect([...toHalves(numbers)]).toEqual(expected);
});
