/** @file The centre of each group of prompts, and which one other prompts are nearest to, as their scores come. */
import {
  type Graph,
  type PromptScoreSink,
  type PromptScoreTable,
  type PromptScoreTensors,
  type PruneResult,
  ScoreAccumulator,
} from '@auto-circuit/core/plugin';

/** Groups by their centres: the means of their prompts' scores at length 1. */
export interface GroupCentres {
  readonly graph: Graph;
  /** By group, then by destination module: [size]. */
  readonly centres: readonly ReadonlyMap<string, Float64Array>[];
  /** The squared length of each centre. */
  readonly squares: readonly number[];
}

/** Prompts read at a time. */
const PIECE = 8;

/** The centres of groups that `groupPrompts` made. @param groups the group of each prompt */
export function groupCentres(table: PromptScoreTable, groups: readonly number[]): GroupCentres {
  const { graph, prompts } = table;
  const count = groups.reduce((most, group) => Math.max(most, group + 1), 0);
  const sizes = new Float64Array(count);
  const centres = Array.from({ length: count }, () => new Map<string, Float64Array>());
  for (let start = 0; start < prompts; start += PIECE) {
    const { tensors } = table.read(start, Math.min(prompts, start + PIECE));
    const norms = normsOf(tensors);
    for (const [module, { data }] of Object.entries(tensors)) {
      const size = data.length / norms.length;
      norms.forEach((norm, p) => {
        const centre = centres[groups[start + p]!]!;
        if (!centre.has(module)) centre.set(module, new Float64Array(size));
        const sums = centre.get(module)!;
        if (norm > 0) for (let i = 0; i < size; i++) sums[i]! += data[p * size + i]! / norm;
      });
    }
    norms.forEach((_, p) => sizes[groups[start + p]!]!++);
  }
  for (const [g, centre] of centres.entries()) {
    for (const sums of centre.values()) for (let i = 0; i < sums.length; i++) sums[i]! /= sizes[g]!;
  }
  const squares = centres.map((centre) => [...centre.values()].reduce((sum, own) => sum + square(own), 0));
  return { graph, centres, squares };
}

/** Puts prompts into the groups whose centres are nearest, as k-means does, while their scores come; nothing else is kept. */
export function nearestGroups(
  { centres, squares }: GroupCentres,
  prompts: number,
): PromptScoreSink & { readonly groups: readonly number[] } {
  const groups = Array.from({ length: prompts }, () => 0);
  return {
    groups,
    keep(first, tensors) {
      const norms = normsOf(tensors);
      norms.forEach((norm, p) => {
        // |x − c|² = 1 − 2 x·c + |c|², of which the first is the same for all
        const distances = centres.map((centre, g) => {
          let product = 0;
          for (const [module, { data }] of Object.entries(tensors)) {
            const own = centre.get(module)!;
            for (let i = 0; i < own.length; i++) product += own[i]! * data[p * own.length + i]!;
          }
          return squares[g]! - (norm > 0 ? (2 * product) / norm : 0);
        });
        groups[first + p] = distances.reduce((best, distance, g) => (distance < distances[best]! ? g : best), 0);
      });
    },
  };
}

/** The scores of each group: means over its prompts and their standard errors, as a run of these prompts alone would have them. */
export function groupScores(table: PromptScoreTable, groups: readonly number[]): PruneResult[] {
  const count = groups.reduce((most, group) => Math.max(most, group + 1), 0);
  const sums = Array.from({ length: count }, () => new ScoreAccumulator(table.graph));
  for (let p = 0; p < table.prompts; p++) sums[groups[p]!]!.add(table.read(p, p + 1));
  return sums.map((sum) => sum.result());
}

/** The length of each prompt's scores. `tensors`: [prompts, …] */
function normsOf(tensors: PromptScoreTensors): number[] {
  const prompts = Object.values(tensors)[0]?.shape[0] ?? 0;
  return Array.from({ length: prompts }, (_, p) => {
    let sum = 0;
    for (const { data } of Object.values(tensors)) {
      const size = data.length / prompts;
      sum += square(data.subarray(p * size, (p + 1) * size));
    }
    return Math.sqrt(sum);
  });
}

function square(numbers: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < numbers.length; i++) sum += numbers[i]! ** 2;
  return sum;
}
