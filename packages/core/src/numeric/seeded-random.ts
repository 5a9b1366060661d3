/**
 * @file Seeded random numbers, the same on every machine: xoshiro128** (Blackman and Vigna 2018), its state filled by
 * splitmix32 from the seed and a stream. Streams of one seed are independent: one for each prompt, mask or purpose.
 */
import { AutoCircuitError } from '../errors/error.js';

/** A stream of random numbers; every call continues it. */
export interface RandomSource {
  /** A whole number from 0 to 2³² − 1. */
  uint32(): number;
  /** Uniform in [0, 1), with 53 random bits. */
  uniform(): number;
  /** Uniform among 0 … n − 1, without bias. */
  below(n: number): number;
  /** Standard normal (Box–Muller). */
  normal(): number;
  /** A copy of the list in random order (Fisher–Yates). */
  shuffled<T>(list: readonly T[]): T[];
}

/**
 * @param stream a number or a name: another stream gives other numbers from the same seed
 * @throws AutoCircuitError `invalid-option` when the seed is not a whole number from 0
 */
export function seededRandom(seed: number, stream: number | string = 0): RandomSource {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new AutoCircuitError({
      code: 'invalid-option',
      where: 'random',
      what: 'the seed is not usable',
      expected: 'a whole number from 0',
      got: `${seed}`,
      fields: { option: 'seed', got: seed },
    });
  }
  const next = splitmix32(hash(`${seed}/${typeof stream}/${stream}`));
  // xoshiro's state must not be all zero; splitmix32 never gives four zeros in a row.
  let [a, b, c, d] = [next(), next(), next(), next()];
  let spare: number | null = null;

  const uint32 = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return result;
  };
  const uniform = (): number => ((uint32() >>> 5) * 2 ** 26 + (uint32() >>> 6)) / 2 ** 53;
  const below = (n: number): number => {
    const limit = 2 ** 32 - (2 ** 32 % n); // numbers from here on would favour the small ones
    let draw = uint32();
    while (draw >= limit) draw = uint32();
    return draw % n;
  };
  return {
    uint32,
    uniform,
    below,
    normal() {
      if (spare !== null) {
        const value = spare;
        spare = null;
        return value;
      }
      const radius = Math.sqrt(-2 * Math.log(1 - uniform())); // 1 − u is never 0
      const angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    shuffled<T>(list: readonly T[]): T[] {
      const order = [...list];
      for (let i = order.length - 1; i > 0; i--) {
        const j = below(i + 1);
        [order[i], order[j]] = [order[j]!, order[i]!];
      }
      return order;
    },
  };
}

const rotate = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

function splitmix32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) | 0;
  };
}

/** FNV-1a over UTF-16 units. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h;
}
