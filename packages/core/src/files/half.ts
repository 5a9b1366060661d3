/** @file IEEE 754 binary16: numbers of 2 bytes, with 11 significant bits, from 6e-8 to 65,504. */

/** 1 sign, 5 exponent, 10 fraction bits. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const INFINITY = 0x7c00;

/** The nearest half, of two equally near ones the even one; what is larger than halves are becomes infinite. */
export function numberToHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size === Number.POSITIVE_INFINITY) return sign | INFINITY;
  // Below 2^-14 all steps are 2^-24; there the step count is the bits, also where it comes to 2^-14 itself.
  if (size < 2 ** -14) return sign | roundedToEven(size * 2 ** 24);
  let exponent = Math.floor(Math.log2(size));
  if (2 ** exponent > size)
    exponent--; // log2 rounds
  else if (2 ** (exponent + 1) <= size) exponent++;
  const steps = roundedToEven(size * 2 ** (10 - exponent)); // 1024 to 2048, where a carry goes on into the exponent
  return sign | Math.min(INFINITY, ((exponent + 14) << 10) + steps);
}

function roundedToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/** Numbers as halves. */
export function toHalves(numbers: ArrayLike<number>): Uint16Array {
  const halves = new Uint16Array(numbers.length);
  for (let i = 0; i < halves.length; i++) halves[i] = numberToHalf(numbers[i]!);
  return halves;
}
