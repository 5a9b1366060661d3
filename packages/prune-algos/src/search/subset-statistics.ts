/** @file What losses of runs with random sets of edges patched say of each edge, and of the largest effect that they do not rule out. */
import { seededRandom, standardErrorFactor } from '@auto-circuit/core/plugin';

/** How sets are drawn: each edge by itself. */
export interface SubsetDraw {
  readonly seed: number;
  /** Canonical numbers of the edges that sets are drawn from. */
  readonly edges: readonly number[];
  /** How likely an edge is in a set. */
  readonly probability: number;
}

/** The edges of the `sample`-th set, ascending: the same whatever was drawn before. */
export function drawnSubset({ seed, edges, probability }: SubsetDraw, sample: number): number[] {
  const random = seededRandom(seed, `subset-sampling/${sample}`);
  return edges.filter(() => random.uniform() < probability);
}

/** What is known of one edge. */
export interface SubsetEffect {
  /** Mean loss of the sets with the edge − mean loss of those without it. */
  readonly effect: number;
  /** Of the effect; ∞ where one side has fewer than two sets. */
  readonly standardError: number;
  /** Degrees of freedom, by Welch and Satterthwaite. */
  readonly freedom: number;
}

/**
 * The effect of each edge of the draw, in its order.
 * @param losses of the sets [samples]
 */
export function subsetEffects(draw: SubsetDraw, losses: ArrayLike<number>): SubsetEffect[] {
  const count = draw.edges.length;
  const samples = losses.length;
  const all = Array.from(losses);
  const middle = all.reduce((sum, loss) => sum + loss, 0) / samples; // losses from their mean: squares lose no digits
  const inside = { n: new Float64Array(count), sum: new Float64Array(count), square: new Float64Array(count) };
  const place = new Map(draw.edges.map((edge, i) => [edge, i]));
  for (const [sample, loss] of all.entries()) {
    const own = loss - middle;
    for (const edge of drawnSubset(draw, sample)) {
      const i = place.get(edge)!;
      inside.n[i]! += 1;
      inside.sum[i]! += own;
      inside.square[i]! += own * own;
    }
  }
  const whole = all.reduce((sum, loss) => sum + (loss - middle), 0);
  const squares = all.reduce((sum, loss) => sum + (loss - middle) ** 2, 0);
  return draw.edges.map((_, i) => {
    const [n, sum, square] = [inside.n[i]!, inside.sum[i]!, inside.square[i]!];
    return welch(side(n, sum, square), side(samples - n, whole - sum, squares - square));
  });
}

interface SubsetSide {
  readonly n: number;
  readonly mean: number;
  /** The variance of the mean. */
  readonly variance: number;
}
function side(n: number, sum: number, square: number): SubsetSide {
  const mean = n === 0 ? 0 : sum / n;
  const variance = n < 2 ? Number.POSITIVE_INFINITY : Math.max(0, (square - n * mean * mean) / (n - 1) / n);
  return { n, mean, variance };
}

/** Welch's comparison of two means. */
function welch(a: SubsetSide, b: SubsetSide): SubsetEffect {
  const variance = a.variance + b.variance;
  const freedom =
    variance === 0 || variance === Number.POSITIVE_INFINITY
      ? 1
      : variance ** 2 / (a.variance ** 2 / (a.n - 1) + b.variance ** 2 / (b.n - 1));
  return { effect: a.mean - b.mean, standardError: Math.sqrt(variance), freedom };
}

/** The largest effect that is not ruled out, and of which edge. */
export interface LargestEffect {
  /** Canonical number; null where there are no edges. */
  readonly edge: number | null;
  readonly bound: number;
}

/**
 * A bound on |effect| of all edges at once: at this confidence none is larger. For each edge it is the upper end of a one-sided
 * interval; the largest of them holds for all, without a correction for their number, since to say «all are below θ» is to
 * reject «this one is at least θ» for each (an intersection–union test: were one of them true, its own rejection would be the
 * unlikely event). A fraction of a degree of freedom is dropped, which makes the bound wider.
 */
export function largestEffect(
  edges: readonly number[],
  effects: readonly SubsetEffect[],
  confidence: number,
): LargestEffect {
  let largest: LargestEffect = { edge: null, bound: 0 };
  const factors = new Map<number, number>(); // by degrees of freedom
  for (const [i, { effect, standardError, freedom }] of effects.entries()) {
    const whole = Math.max(1, Math.floor(freedom));
    const factor = factors.get(whole) ?? standardErrorFactor(whole + 1, 2 * confidence - 1);
    factors.set(whole, factor);
    const bound = Math.abs(effect) + (standardError === 0 ? 0 : factor * standardError);
    if (largest.edge === null || bound > largest.bound) largest = { edge: edges[i]!, bound };
  }
  return largest;
}
