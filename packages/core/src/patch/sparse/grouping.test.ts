import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cheapestGroups } from './grouping.js';

/** Every way to cut so many items into ranges of at most `most`. */
function allCuts(count: number, most: number): [number, number][][] {
  if (count === 0) return [[]];
  return Array.from({ length: Math.min(most, count) }, (_, i) => count - i - 1).flatMap((start) =>
    allCuts(start, most).map((before): [number, number][] => [...before, [start, count]]),
  );
}

describe('cheapestGroups', () => {
  it('joins what shares a cost, up to the most', () => {
    const perRun = (start: number, stop: number) => 10 + (stop - start);
    expect(cheapestGroups(4, 4, perRun)).toEqual([[0, 4]]);
    expect(cheapestGroups(4, 2, perRun)).toEqual([
      [0, 2],
      [2, 4],
    ]);
    expect(cheapestGroups(0, 3, perRun)).toEqual([]);
  });
  it('leaves apart what would run at its larger neighbour’s cost', () => {
    const sizes = [1, 1, 100];
    const cost = (start: number, stop: number) => 5 + (stop - start) * Math.max(...sizes.slice(start, stop));
    expect(cheapestGroups(3, 3, cost)).toEqual([
      [0, 2],
      [2, 3],
    ]);
  });
  it('of equal cuts takes that with the longer ranges at the end', () => {
    expect(cheapestGroups(3, 2, () => 0)).toEqual([
      [0, 1],
      [1, 3],
    ]);
  });
  it('is the best of all cuts', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(50), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 8 }),
        fc.nat(60),
        (sizes, most, perRun) => {
          const cost = (start: number, stop: number) => perRun + (stop - start) * Math.max(...sizes.slice(start, stop));
          const total = (cut: readonly (readonly [number, number])[]) =>
            cut.reduce((sum, [a, b]) => sum + cost(a, b), 0);
          const found = cheapestGroups(sizes.length, most, cost);
          expect(found.flatMap(([a, b]) => Array.from({ length: b - a }, (_, i) => a + i))).toEqual(
            sizes.map((_, i) => i),
          );
          expect(total(found)).toBe(Math.min(...allCuts(sizes.length, most).map(total)));
        },
      ),
    );
  });
});
