/** @file What generators of random cases draw: choices on top of the seeded numbers. */
import { seededRandom } from '../numeric/seeded-random.js';

/** Random choices. */
export interface Draws {
  /** Uniform in [low, high). */
  uniform(low: number, high: number): number;
  /** An integer, 0 ≤ n < count. */
  below(count: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  shuffle<T>(items: readonly T[]): T[];
}

/** Choices that follow from a seed. */
export function draws(seed: number): Draws {
  const random = seededRandom(seed, 'random program');
  return {
    uniform: (low, high) => low + (high - low) * random.uniform(),
    below: random.below,
    chance: (probability) => random.uniform() < probability,
    pick: (items) => items[random.below(items.length)]!,
    shuffle: random.shuffled,
  };
}
