/** @file How the axes of a reshape correspond: the finest split of both shapes into runs of equal size. */
import { dimKey, multiplyDims, type Shape } from '../../program/dims.js';

/** Axes `from[0]..from[1]` of the one shape and `to[0]..to[1]` of the other (ends excluded) hold the same elements. */
export interface AxisGroup {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** Two axes are in one group when no boundary of equal leading products lies between them; works for symbolic dims. */
export function axisGroups(from: Shape, to: Shape): AxisGroup[] {
  const fromEnds = lastIndexByProduct(from);
  const toEnds = lastIndexByProduct(to);
  const groups: AxisGroup[] = [];
  let fromStart = 0;
  let toStart = 0;
  for (const [product, fromEnd] of fromEnds) {
    const toEnd = toEnds.get(product);
    if (toEnd === undefined) continue;
    if (fromEnd > fromStart || toEnd > toStart)
      groups.push({ from: range(fromStart, fromEnd), to: range(toStart, toEnd) });
    fromStart = fromEnd;
    toStart = toEnd;
  }
  return groups;
}

const range = (start: number, end: number): number[] => Array.from({ length: end - start }, (_, i) => start + i);

/** Product of the first n dims → the largest such n (axes of size 1 close the group before them). */
function lastIndexByProduct(shape: Shape): Map<string, number> {
  const ends = new Map<string, number>([['1', 0]]);
  let product: Shape[number] = 1;
  shape.forEach((dim, axis) => {
    if (dim !== 1) product = multiplyDims(product, dim);
    ends.set(dimKey(product), axis + 1);
  });
  return ends;
}
