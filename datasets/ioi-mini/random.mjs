/** @file Seeded random numbers (mulberry32), so that every machine makes the same bytes. */

/** Random numbers that follow from a seed (a whole number). */
export function seededRandom(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let hash = Math.imul(state ^ (state >>> 15), state | 1);
    hash ^= hash + Math.imul(hash ^ (hash >>> 7), hash | 61);
    return ((hash ^ (hash >>> 14)) >>> 0) / 4294967296;
  };
  const below = (count) => Math.floor(next() * count);
  /** `count` different candidates, in random order. */
  const draw = (from, count) => {
    const left = [...from];
    return Array.from({ length: count }, () => left.splice(below(left.length), 1)[0]);
  };
  return { next, below, draw, pick: (from) => from[below(from.length)] };
}
