/** @file Random choices among the words of a task. */
import type { RandomSource } from '@auto-circuit/core/plugin';

/** One of the items. */
export const pick = <T>(random: RandomSource, items: readonly T[]): T => items[random.below(items.length)]!;

/** `count` different items in random order. */
export function draw<T>(random: RandomSource, items: readonly T[], count: number): T[] {
  const left = [...items];
  return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)[0]!);
}
