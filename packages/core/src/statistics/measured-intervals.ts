/**
 * @file 95 % intervals of measured values over prompts. The kind of value decides how:
 *
 * - shares (each prompt counts or does not): Wilson's score interval (Wilson 1927), which needs no spread in the sample;
 * - values that are never negative (divergences, probabilities): the studentised bootstrap of the logarithm of the mean, each tail
 *   by itself, since means of a few large values and many small ones err more upwards than downwards;
 * - all others: the symmetric studentised bootstrap (Hall 1988); of a ratio with Fieller's interval (1954), which allows for a
 *   denominator that is unsure itself.
 *
 * Bootstrap quantiles are taken over all points of a curve together, as in `calibratedFactor`, and for the same reason. docs/choosing.md
 * has the measured coverage.
 */
import { seededRandom } from '../numeric/seeded-random.js';
import type { PromptValues } from '../plugin/metric.js';
import { calibratedFactor, FEWEST_PROMPTS, MOST_RESAMPLES } from './interval-factor.js';
import { standardErrorFactor } from './student-t.js';

/** From where to where; both may be infinite where no number of standard errors would do. */
export type Interval = readonly [low: number, high: number];

/** Two-sided: 2.5 % on each side. */
const LEVEL = 0.95;
/** Of the normal distribution, for Wilson's interval. */
const NORMAL = 1.959963984540054;

/**
 * @param points what each point of one curve is made of, prompt by prompt, on the same prompts
 * @returns an interval for each; null for one prompt, for a value that is the same on all prompts and for one that is not finite
 */
export function measuredIntervals(points: readonly PromptValues[]): (Interval | null)[] {
  const finite = points.map(({ values, weights = [] }) => [...values, ...weights].every(Number.isFinite));
  const usable = points.filter(({ values }, i) => finite[i] && values.length > 1);
  const intervals = intervalsOf(usable);
  return points.map((point) => intervals.get(point) ?? null);
}

function intervalsOf(points: readonly PromptValues[]): Map<PromptValues, Interval> {
  if (points.some(({ weights }) => weights)) return symmetric(points);
  const whole = wholeShare(points);
  if (whole !== null) return new Map(points.map((point) => [point, wilson(point, whole)]));
  const notNegative = points.every(({ values }) => values.every((value) => value >= 0));
  return notNegative ? logarithmic(points.filter((point) => varies(point.values))) : symmetric(points);
}

/** The one value other than 0 that prompts have (1, or 100 for percentages); null where there are several or none. */
function wholeShare(points: readonly PromptValues[]): number | null {
  const others = new Set(points.flatMap(({ values }) => [...new Set(values)]).filter((value) => value !== 0));
  const [one] = others;
  return others.size === 1 && one! > 0 ? one! : null;
}

function wilson({ values }: PromptValues, whole: number): Interval {
  const n = values.length;
  const share = values.filter((value) => value !== 0).length / n;
  const centre = (share + NORMAL ** 2 / (2 * n)) / (1 + NORMAL ** 2 / n);
  const reach = (NORMAL * Math.sqrt((share * (1 - share)) / n + NORMAL ** 2 / (4 * n ** 2))) / (1 + NORMAL ** 2 / n);
  // at the ends the formula gives 0 and 1, but for rounding
  return [share === 0 ? 0 : whole * (centre - reach), share === 1 ? whole : whole * (centre + reach)];
}

/** A number of standard errors to each side, the same for all points. */
function symmetric(points: readonly PromptValues[]): Map<PromptValues, Interval> {
  const linear = points.map(linearPart);
  const moving = linear.flatMap((part, i) => (varies(part.rest) ? [{ ...part, point: points[i]! }] : []));
  const factor = calibratedFactor(
    moving.map(({ rest }) => rest),
    LEVEL,
  );
  return new Map(
    moving.map(({ point, value, rest }) => {
      const { weights } = point;
      if (weights) return [point, fieller(point.values, weights, factor)];
      const reach = factor * errorOfMean(rest);
      return [point, [value - reach, value + reach]];
    }),
  );
}

/**
 * The ratios θ from which the sample is not too far: |mean(values − θ · weights)| is at most `factor` of its own standard errors
 * (Fieller 1954). Everything where a denominator of 0 is among them.
 */
function fieller(values: readonly number[], weights: readonly number[], factor: number): Interval {
  const [above, below] = [meanOf(values), meanOf(weights)];
  const a = below ** 2 - factor ** 2 * covarianceOfMeans(weights, weights);
  const b = above * below - factor ** 2 * covarianceOfMeans(values, weights);
  const c = above ** 2 - factor ** 2 * covarianceOfMeans(values, values);
  const root = Math.sqrt(Math.max(0, b ** 2 - a * c));
  // a θ² − 2 b θ + c ≤ 0; with an infinite factor nothing is excluded
  return a > 0 && Number.isFinite(root) ? [(b - root) / a, (b + root) / a] : [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]; // biome-ignore format: one line
}

/** The value, and what it is the mean of; a ratio moves like the mean of `rest`, for a denominator that moves little. */
function linearPart({ values, weights }: PromptValues): { value: number; rest: number[] } {
  if (!weights) return { value: meanOf(values), rest: [...values] };
  const value = meanOf(values) / meanOf(weights);
  return { value, rest: values.map((x, i) => x - value * weights[i]!) };
}

/** Each tail by itself, of the logarithm of the mean. */
function logarithmic(points: readonly PromptValues[]): Map<PromptValues, Interval> {
  const prompts = points[0]?.values.length ?? 0;
  const [below, above] = prompts < FEWEST_PROMPTS ? studentTails(prompts) : logarithmicTails(points, prompts);
  return new Map(
    points.map((point) => {
      const mean = meanOf(point.values);
      const error = errorOfMean(point.values) / mean; // of the logarithm
      return [point, [mean * Math.exp(-above * error), mean * Math.exp(-below * error)]];
    }),
  );
}

function studentTails(prompts: number): Interval {
  const factor = standardErrorFactor(prompts, LEVEL);
  return [-factor, factor];
}

/** Quantiles, over points and resamples, of (log mean* − log mean) ÷ its standard error in the resample. */
function logarithmicTails(points: readonly PromptValues[], prompts: number): Interval {
  const random = seededRandom(0, 'measured intervals');
  const apart: number[] = [];
  const whole = points.map(({ values }) => Math.log(meanOf(values)));
  for (let r = 0; r < MOST_RESAMPLES; r++) {
    const drawn = Array.from({ length: prompts }, () => random.below(prompts));
    for (const [i, { values }] of points.entries()) {
      const resample = drawn.map((prompt) => values[prompt]!);
      const mean = meanOf(resample);
      const error = errorOfMean(resample) / mean;
      // a resample without spread, or of zeros alone, has an interval that is a point: it misses on the side where the mean is
      const distance = Math.log(mean) - whole[i]!;
      apart.push(error > 0 ? distance / error : distance < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY);
    }
  }
  apart.sort((a, b) => a - b);
  const tail = Math.floor(((1 - LEVEL) / 2) * apart.length);
  return [apart[tail]!, apart[apart.length - 1 - tail]!];
}

const varies = (values: readonly number[]): boolean => values.some((value) => value !== values[0]);
const meanOf = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
const errorOfMean = (values: readonly number[]): number => Math.sqrt(covarianceOfMeans(values, values));
/** Of the means of two lists over the same prompts. */
function covarianceOfMeans(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [meanOf(a), meanOf(b)];
  const products = a.reduce((sum, x, i) => sum + (x - meanA) * (b[i]! - meanB), 0);
  return products / (a.length * (a.length - 1));
}
