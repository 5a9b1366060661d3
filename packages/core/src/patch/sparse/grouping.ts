/** @file Which neighbours of a list are run together: the cut into ranges that costs least. */

/**
 * Cuts a list of so many into ranges of at most `most` whose costs add up to the least; of equal ones that with the longer
 * ranges at its end.
 */
export function cheapestGroups(
  count: number,
  most: number,
  costOf: (start: number, stop: number) => number,
): readonly (readonly [number, number])[] {
  /** By the number of leading entries of the list: the least cost, and where the last range begins. */
  const best: { readonly cost: number; readonly start: number }[] = [{ cost: 0, start: 0 }];
  for (let stop = 1; stop <= count; stop++) {
    let found = { cost: Number.POSITIVE_INFINITY, start: stop - 1 };
    for (let start = Math.max(0, stop - most); start < stop; start++) {
      const cost = best[start]!.cost + costOf(start, stop);
      if (cost < found.cost) found = { cost, start };
    }
    best.push(found);
  }
  const ranges: (readonly [number, number])[] = [];
  for (let stop = count; stop > 0; stop = best[stop]!.start) ranges.unshift([best[stop]!.start, stop]);
  return ranges;
}
