/**
 * @file Random numbers by counter: a pure function of a seed and of where the number is used, so that draws depend
 * neither on order nor on how work was cut. No state anywhere.
 */

const word = (n: number): number => n >>> 0;
const rotate = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits));

/** MurmurHash3 (x86, 32 bit; Appleby 2011, public domain) of a list of 32-bit words. */
function murmur3(words: readonly number[], seed: number): number {
  let h = seed;
  for (const w of words) {
    h ^= Math.imul(rotate(Math.imul(w, 0xcc9e2d51), 15), 0x1b873593);
    h = (Math.imul(rotate(h, 13), 5) + 0xe6546b64) | 0;
  }
  h ^= words.length * 4;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return word(h ^ (h >>> 16));
}

/**
 * A number in [0, 1), uniform with 53 bits, that belongs to `seed` and a place (`uniformAt(seed, prompt, edge)`).
 * Seed and places are whole numbers up to 2^53. The same arguments always give the same number.
 */
export function uniformAt(seed: number, ...place: readonly number[]): number {
  const words = [seed, ...place].flatMap((n) => [n | 0, Math.floor(n / 2 ** 32) | 0]);
  const high = murmur3(words, 0x2545f491) >>> 5; // 27 bits
  const low = murmur3(words, 0x9e3779b9) >>> 6; // 26 bits
  return (high * 2 ** 26 + low) / 2 ** 53;
}
