/** @file Silhouettes: how much nearer each prompt is to its own group than to the next one. */

/**
 * Silhouettes (Rousseeuw 1987, https://doi.org/10.1016/0377-0427(87)90125-7): (b − a) ÷ max(a, b), with a the mean distance to
 * the others of the own group and b the least mean distance to another group. From −1 to 1; 0 for a prompt that is alone in
 * its group, and where there is one group.
 * @param distances [prompts, prompts]
 * @param groups the group of each prompt, from 0
 */
export function silhouettes(distances: Float64Array, groups: readonly number[]): number[] {
  const prompts = groups.length;
  const count = groups.reduce((most, group) => Math.max(most, group + 1), 0);
  const sizes = new Float64Array(count);
  for (const group of groups) sizes[group]!++;
  return groups.map((own, p) => {
    const sums = new Float64Array(count);
    for (let q = 0; q < prompts; q++) sums[groups[q]!]! += distances[p * prompts + q]!;
    if (sizes[own] === 1 || count < 2) return 0;
    const a = sums[own]! / (sizes[own]! - 1);
    const b = sums.reduce((least, sum, g) => (g === own ? least : Math.min(least, sum / sizes[g]!)), Infinity);
    const larger = Math.max(a, b);
    return larger === 0 ? 0 : (b - a) / larger;
  });
}
