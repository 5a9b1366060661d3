/** @file Whether one of two numbers made of the same prompts is larger, by resampling the prompts. */
import { seededRandom } from '../numeric/seeded-random.js';
import { BOOTSTRAP_RESAMPLES } from './bootstrap.js';

/** A difference, and what 95 of 100 resamples of the prompts lie between. */
export interface PairedDifference {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * A number of all prompts, and the 2.5th and 97.5th percentiles of the same number over resamples of the prompts, drawn with
 * replacement (percentile bootstrap, Efron 1979).
 * @param of the number, of the prompts with these places, some of which may come more than once
 */
export function percentileInterval(
  prompts: number,
  seed: number,
  of: (places: readonly number[]) => number,
): PairedDifference {
  const value = of(Array.from({ length: prompts }, (_, place) => place));
  const random = seededRandom(seed, 'paired');
  const resampled = Array.from({ length: BOOTSTRAP_RESAMPLES }, () =>
    of(Array.from({ length: prompts }, () => random.below(prompts))),
  ).sort((a, b) => a - b);
  const at = (share: number): number => resampled[Math.round(share * (BOOTSTRAP_RESAMPLES - 1))]!;
  return { value, low: at(0.025), high: at(0.975) };
}
