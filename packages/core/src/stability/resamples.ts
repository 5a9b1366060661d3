/** @file Circuits of resampled prompts, from the scores of each prompt: sums in memory, no run of the model. */
import { edgeSelection, type Selecting } from '../graph/edge-ranking.js';
import type { RankBy } from '../graph/edge-ranking-names.js';
import { unflattenScores } from '../graph/score-index.js';
import type { Graph } from '../graph/types.js';
import { type RandomSource, seededRandom } from '../numeric/seeded-random.js';

/** How many times each prompt is in a resample: [prompts]. */
export type Multiplicities = Uint32Array;

/** As many prompts as there are, drawn with replacement (the bootstrap; Efron 1979). */
export function drawnAgain(prompts: number, random: RandomSource): Multiplicities {
  const times = new Uint32Array(prompts);
  for (let i = 0; i < prompts; i++) times[random.below(prompts)]!++;
  return times;
}

/** A subset that leaves out each prompt by itself with the same probability. */
export function subsetOf(prompts: number, deletion: number, random: RandomSource): Multiplicities {
  return Uint32Array.from({ length: prompts }, () => (random.uniform() < deletion ? 0 : 1));
}

/** The random numbers of one resample: of each by itself, so that more resamples begin with the same ones. */
export const randomOfResample = (seed: number, what: 'bootstrap' | 'subset', index: number): RandomSource =>
  seededRandom(seed, `stability/${what}/${index}`);

/** How a circuit is chosen from scores. */
export interface CircuitChoice {
  readonly select: Selecting;
  readonly rankBy: RankBy;
  /** The size asked for. */
  readonly edges: number;
  /** Whether standard errors over prompts go with the scores. */
  readonly errors: boolean;
}

/** A resample's scores and circuit. */
export interface ResampledCircuit {
  /** Means over its prompts, canonical: [edgeCount] */
  readonly scores: Float32Array;
  /** Canonical numbers. */
  readonly edges: readonly number[];
}

/**
 * The circuit of a resample; null for one without any prompt.
 * @param byPrompt one list of scores for each prompt, canonical: [prompts][edgeCount]
 */
export function circuitOfResample(
  graph: Graph,
  byPrompt: readonly Float32Array[],
  times: Multiplicities,
  { select, rankBy, edges, errors }: CircuitChoice,
): ResampledCircuit | null {
  const n = times.reduce((sum, count) => sum + count, 0);
  if (n === 0) return null;
  const sums = new Float64Array(graph.edgeCount);
  const squares = new Float64Array(errors ? graph.edgeCount : 0);
  for (const [p, values] of byPrompt.entries()) {
    const count = times[p]!;
    if (count === 0) continue;
    for (let e = 0; e < sums.length; e++) sums[e]! += count * values[e]!;
    for (let e = 0; e < squares.length; e++) squares[e]! += count * values[e]! ** 2;
  }
  const scores = Float32Array.from(sums, (sum) => sum / n);
  const standardErrors = errors
    ? unflattenScores(
        graph,
        // of a single prompt nothing is known: no sign is sure
        Float32Array.from(squares, (square, e) =>
          n === 1 ? Number.POSITIVE_INFINITY : Math.sqrt(Math.max(0, square - sums[e]! ** 2 / n) / (n * (n - 1))),
        ),
      )
    : undefined;
  const selection = edgeSelection(graph, unflattenScores(graph, scores), select, { rankBy, standardErrors });
  return { scores, edges: selection.edges(edges) };
}
