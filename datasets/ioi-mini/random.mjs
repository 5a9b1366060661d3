/** @file Seeded random numbers (mulberry32), so that every machine makes the same bytes. */

export function seededRandom(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (count) => Math.floor(next() * count);
  /** `count` different items, in random order. */
  const draw = (items, count) => {
    const left = [...items];
    return Array.from({ length: count }, () => left.splice(below(left.length), 1)[0]);
  };
  return { next, below, draw, pick: (items) => items[below(items.length)] };
}
