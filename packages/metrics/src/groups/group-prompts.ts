/** @file Groups of prompts whose scores of edges are alike: k-means on the directions of their scores, k by silhouette. */
import { AutoCircuitError, type PromptScoreTable } from '@auto-circuit/core/plugin';
import { kmeans } from 'ml-kmeans';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { silhouettes } from './silhouette.js';
import { promptSimilarities } from './similarity.js';

/** How prompts are grouped. */
export interface GroupingOptions {
  /** How many groups; without it, as many as have the largest mean silhouette, or one where that is small. */
  readonly groups?: number | undefined;
  /** The most that are tried where `groups` is not given; default 8. */
  readonly most?: number | undefined;
  /** Where the first centres are drawn from; default 0. */
  readonly seed?: number | undefined;
}
/** Prompts in groups. */
export interface PromptGroups {
  /** How many there are; the largest comes first. */
  readonly count: number;
  /** The group of each prompt, from 0. */
  readonly groups: readonly number[];
  /** The silhouette of each prompt, on distances 1 − cosine; 0 where there is one group. */
  readonly silhouettes: readonly number[];
  /** Their mean; null where there is one group. */
  readonly silhouette: number | null;
  /** The mean silhouette of each number of groups that was tried. */
  readonly tried: readonly { readonly groups: number; readonly silhouette: number }[];
}

/** Kaufman and Rousseeuw (1990) read a mean silhouette of at most this as no structure. */
export const LEAST_SILHOUETTE = 0.25;
const MOST_GROUPS = 8;
/** k-means ends where its first centres lead it; of so many beginnings the best is taken. */
const BEGINNINGS = 20;
/** Prompts of which no two are further apart than this (2.6°) are of one kind: float16 alone makes some 1e-7. */
const ALIKE = 1e-3;
/** Directions in which the prompts hardly differ, as a share of the one in which they differ most. */
const FLAT = 1e-12;

/**
 * Groups prompts by the directions of their scores, as data-driven circuit discovery does with attribution vectors (Rai, Geva
 * and Yao 2026, https://arxiv.org/abs/2605.09129). k-means on vectors of length 1, so that a prompt with twice the effects is
 * not another kind of prompt; distances are 1 − cosine. The vectors are replaced by coordinates with the same distances, as
 * many as there are prompts. The same seed gives the same groups.
 * @throws AutoCircuitError `invalid-option` for a number of groups that so many prompts cannot have, `not-finite` for infinite scores
 */
export function groupPrompts(table: PromptScoreTable, options: GroupingOptions = {}): PromptGroups {
  const { groups: asked, most = MOST_GROUPS, seed = 0 } = options;
  const { prompts } = table;
  checkCount(asked, prompts);
  const { cosines } = promptSimilarities(table);
  const distances = cosines.map((cosine) => Math.max(0, 1 - cosine)); // rounding makes some a little less than 0
  const one = ordered(
    Array.from({ length: prompts }, () => 0),
    distances,
  );
  const alike = asked === undefined ? ALIKE : FLAT; // without any distance there are no centres to draw
  if (asked === 1 || prompts < 3 || distances.every((distance) => distance <= alike)) return one;
  const points = coordinates(cosines, prompts);
  const counts = asked === undefined ? range(2, Math.min(most, prompts - 1)) : [asked];
  const made = counts.map((count) => ordered(bestOf(points, count, seed), distances));
  const tried = made.map(({ silhouette }, i) => ({ groups: counts[i]!, silhouette: silhouette ?? 0 }));
  const best = made.reduce((a, b) => ((b.silhouette ?? 0) > (a.silhouette ?? 0) ? b : a));
  const chosen = asked === undefined && (best.silhouette ?? 0) <= LEAST_SILHOUETTE ? one : best;
  return { ...chosen, tried };
}

const range = (first: number, last: number): number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);

function checkCount(asked: number | undefined, prompts: number): void {
  if (asked === undefined || (Number.isInteger(asked) && asked >= 1 && asked <= prompts)) return;
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: 'groups', got: asked },
    where: 'groups',
    what: `${prompts} prompts cannot be put into so many groups`,
    expected: `a whole number from 1 to ${prompts}`,
    got: `${asked}`,
  });
}

/** Points with the distances of the unit vectors: for cosines QΛQᵀ, the rows of Q√Λ. [prompts][dimensions] */
function coordinates(cosines: Float64Array, prompts: number): number[][] {
  const matrix = Matrix.from1DArray(prompts, prompts, cosines);
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
  const largest = realEigenvalues.reduce((most, value) => Math.max(most, value), 0);
  const used = realEigenvalues.flatMap((value, axis) => (value > FLAT * largest ? [axis] : []));
  return range(0, prompts - 1).map((p) =>
    used.map((axis) => eigenvectorMatrix.get(p, axis) * Math.sqrt(realEigenvalues[axis]!)),
  );
}

/** The groups of least squared distance to their centres, over several beginnings. */
function bestOf(points: number[][], count: number, seed: number): number[] {
  let best: { readonly groups: number[]; readonly error: number } | null = null;
  for (let beginning = 0; beginning < BEGINNINGS; beginning++) {
    const result = kmeans(points, count, { seed: seed * BEGINNINGS + beginning, initialization: 'kmeans++' });
    const error = points.reduce(
      (sum, point, p) => sum + result.distance(point, result.centroids[result.clusters[p]!]!),
      0,
    );
    if (!best || error < best.error) best = { groups: result.clusters, error };
  }
  return best!.groups;
}

/** Groups by falling size, equal ones by their first prompt; groups that came out empty are not there. */
function ordered(groups: readonly number[], distances: Float64Array): PromptGroups {
  const sizes = new Map<number, number>();
  for (const group of groups) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  const order = [...sizes.keys()].sort(
    (a, b) => sizes.get(b)! - sizes.get(a)! || groups.indexOf(a) - groups.indexOf(b),
  );
  const renamed = groups.map((group) => order.indexOf(group));
  const each = silhouettes(distances, renamed);
  const mean = each.reduce((sum, x) => sum + x, 0) / Math.max(1, each.length);
  return {
    count: order.length,
    groups: renamed,
    silhouettes: each,
    silhouette: order.length > 1 ? mean : null,
    tried: [],
  };
}
