/**
 * @file The sizes of the default rule on a large graph: a coarse logarithmic grid first, then bisection to the smallest faithful
 * circuit. Which circuits are measured depends on what the measured ones came to and on nothing else, so a run that is taken up
 * again measures the same.
 */
import { chooseKept, type FaithfulSize } from './faithfulness.js';

/** Graphs of so many edges are searched: on smaller ones the whole grid is a matter of seconds, and curves need not be monotone. */
export const SEARCHED_FROM_EDGES = 1000;

/** Powers of ten up to a tenth of all edges: above, a run costs as much as that of the whole model, and a search goes there if it must. */
export function coarseSizes(edgeCount: number): number[] {
  const sizes: number[] = [];
  for (let power = 1; 10 * power <= edgeCount; power *= 10) sizes.push(power);
  return sizes;
}

/** Between powers of ten: the sizes of the whole grid, and three more where these are far apart. Four halvings tell them apart. */
const WITHIN = [10, 12, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90];

/** 1 … 10, 12, 15, 20, 25, 30, 40, …, 90, 100, 120, …, below the number of all edges: what a search tells apart. */
export function fineSizes(edgeCount: number): number[] {
  const sizes = Array.from({ length: 9 }, (_, i) => i + 1);
  for (let power = 1; 10 * power < edgeCount; power *= 10) for (const n of WITHIN) sizes.push(n * power);
  return sizes.filter((size) => size < edgeCount);
}

/**
 * The next circuit of a bisection, or null when nothing is left between the smallest faithful one and the next smaller one. It is half way, by number of
 * candidates, between the size that would be kept now and the next smaller one that was measured. Where no circuit is faithful
 * yet, the whole model stands for the larger end, since it always is.
 * @param measured by rising size
 * @param edgeCount of the whole model
 */
export function nextSize<Sized extends { readonly edges: number }>(
  between: readonly Sized[],
  measured: readonly FaithfulSize[],
  edgeCount: number,
): Sized | null {
  const { index, found } = chooseKept(measured, edgeCount);
  const upper = found ? measured[index]!.edges : edgeCount;
  const smaller = measured.filter(({ edges }) => edges < upper).at(-1)?.edges ?? 0;
  const open = between.filter(({ edges }) => edges > smaller && edges < upper);
  return open[Math.floor(open.length / 2)] ?? null;
}
