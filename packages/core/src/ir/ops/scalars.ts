/** @file What the elementwise ops do with numbers (bool is 0 or 1). The interpreter and constant folding share it. */

/** Ops of one operand. */
export const UNARY = {
  neg: (x: number) => -x,
  abs: Math.abs,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  rsqrt: (x: number) => 1 / Math.sqrt(x),
  tanh: Math.tanh,
  erf,
  sigmoid: (x: number) => 1 / (1 + Math.exp(-x)),
  relu: (x: number) => Math.max(0, x),
  not: (x: number) => (x === 0 ? 1 : 0),
} as const;

/** Ops of two operands. */
export const BINARY = {
  add: (x: number, y: number) => x + y,
  sub: (x: number, y: number) => x - y,
  mul: (x: number, y: number) => x * y,
  div: (x: number, y: number) => x / y,
  pow: (x: number, y: number) => x ** y,
  maximum: Math.max,
  minimum: Math.min,
  equal: (x: number, y: number) => (x === y ? 1 : 0),
  less: (x: number, y: number) => (x < y ? 1 : 0),
  lessEqual: (x: number, y: number) => (x <= y ? 1 : 0),
  and: (x: number, y: number) => x & y,
  or: (x: number, y: number) => x | y,
} as const;

/**
 * The error function to double precision: Abramowitz & Stegun 7.1.6 (a series of positive terms) up to 3, then
 * 1 − erfc by the continued fraction 7.1.14.
 */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a >= 3) {
    let fraction = a;
    for (let n = 80; n >= 1; n--) fraction = a + n / 2 / fraction;
    return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * fraction));
  }
  let term = a;
  let sum = a;
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= (2 * a * a) / (2 * n + 1);
    sum += term;
  }
  return ((Math.sign(x) * 2) / Math.sqrt(Math.PI)) * Math.exp(-a * a) * sum;
}
