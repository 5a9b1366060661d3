/** @file Random choices among the words of a task. */
import type { RandomSource } from '@auto-circuit/core/plugin';

/** One of the candidates. */
export const pick = <T>(random: RandomSource, from: readonly T[]): T => from[random.below(from.length)]!;

/** `count` different candidates in random order. */
export function draw<T>(random: RandomSource, from: readonly T[], count: number): T[] {
  const left = [...from];
  return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)[0]!);
}
