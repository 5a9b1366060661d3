/** @file Scores of several runs as one: what they agree on counts more than what one of them finds. */
import { AutoCircuitError, definePruneAlgo, unflattenScores } from '@auto-circuit/core/plugin';
import { meanRanks } from '../shared/mean-ranks.js';
import { numberList } from '../shared/number-list.js';
import { PAPERS } from '../shared/papers.js';
import { scoresOfRun } from '../shared/run-scores.js';

/** How the scores of one edge become one. */
const COMBINE = {
  normalised: weightedMean,
  ranks: weightedMean,
  sum: weightedMean,
  max: (scores: readonly number[]): number => furthest(scores, 1),
  min: (scores: readonly number[]): number => (sameSign(scores) ? furthest(scores, -1) : 0),
} as const;
type By = keyof typeof COMBINE;

/**
 * Parallel ensembles of circuit localisation (Mondorf et al. 2025, https://arxiv.org/abs/2510.06811). With s_r(e) the score that run
 * r gives edge e, w_r its weight (Σw = 1), and n_r = s_r ÷ √(mean over edges of s_r²):
 *
 * - `normalised`: Σ_r w_r · n_r(e). Scores of different units count alike, and signs that disagree cancel.
 * - `ranks`: Σ_r w_r · sign(s_r(e)) · rank_r(e) ÷ edges, with rank 1 for the smallest |s_r| and the mean rank for equal ones. Only the order counts.
 * - `sum`: Σ_r w_r · s_r(e), in the runs' own unit: for runs of one algorithm (other seeds, other prompts).
 * - `max` and `min`: the n_r(e) that is furthest from 0, or nearest to it (0 where signs disagree): edges that any run or that every run finds.
 *
 * Use it where several algorithms or seeds have been run anyway. It looks at no prompt; the circuits it chooses are measured as
 * usual.
 */
export const ensemble = definePruneAlgo({
  name: 'ensemble',
  doc: 'the scores of several runs as one: their mean, mean rank, sum, or what any or all of them find',
  formula:
    'normalised: score(e) = Σ over runs r of w_r · s_r(e) ÷ √(mean of s_r²); the other ways are in the API reference',
  use: 'When several algorithms or seeds have been run anyway: their mean is often better than each of them.',
  papers: [PAPERS.ensembles],
  gradients: false,
  options: {
    runs: {
      type: 'string',
      doc: 'folders of at least two runs on the same graph, separated by commas',
      default: '',
    },
    by: {
      type: 'enum',
      values: ['normalised', 'ranks', 'sum', 'max', 'min'],
      default: 'normalised',
      doc: 'mean of scores divided by their root mean square, mean of ranks, sum as they are, or the furthest from or nearest to 0',
    },
    weights: { type: 'string', doc: 'a weight for each run, separated by commas; empty: equal weights', default: '' },
  },
  async score({ graph, progress, signal }, { runs = '', by = 'normalised', weights: asked = '' }) {
    const folders = runs
      .split(',')
      .map((folder) => folder.trim())
      .filter((folder) => folder !== '');
    checkFolders(folders);
    const weights = weightsOf(asked, folders.length, by);
    const all: Float64Array[] = []; // [runs][edges]
    for (const [i, folder] of folders.entries()) {
      signal?.throwIfAborted();
      all.push(transformed(await scoresOfRun('ensemble', graph, folder), by));
      progress.report(i + 1, folders.length, 'runs');
    }
    const flat = Float32Array.from({ length: graph.edgeCount }, (_, edge) =>
      COMBINE[by](
        all.map((scores) => scores[edge]!),
        weights,
      ),
    );
    return { scores: unflattenScores(graph, flat) };
  },
});

function transformed(scores: Float64Array, by: By): Float64Array {
  if (by === 'sum') return scores;
  if (by === 'ranks') return signedRanks(scores);
  const size = Math.sqrt(scores.reduce((sum, x) => sum + x * x, 0) / scores.length);
  return size === 0 ? scores : scores.map((x) => x / size);
}

/** sign · rank ÷ edges by rising |score|; equal ones share their mean rank, and 0 stays 0. */
function signedRanks(scores: Float64Array): Float64Array {
  return meanRanks(scores.map(Math.abs)).map((rank, edge) => (Math.sign(scores[edge]!) * rank) / scores.length);
}

function weightedMean(scores: readonly number[], weights: readonly number[]): number {
  return scores.reduce((sum, score, r) => sum + weights[r]! * score, 0);
}
const sameSign = (scores: readonly number[]): boolean =>
  scores.every((score) => score >= 0) || scores.every((score) => score <= 0);
const furthest = (scores: readonly number[], direction: 1 | -1): number =>
  scores.reduce((best, score) => (direction * (Math.abs(score) - Math.abs(best)) > 0 ? score : best));

/** Σ = 1. */
function weightsOf(text: string, runs: number, by: By): number[] {
  const given = numberList('ensemble', 'weights', text, {
    expected: 'numbers from 0',
    fits: (x) => x >= 0 && Number.isFinite(x),
  });
  const sum = given.reduce((total, x) => total + x, 0);
  if (given.length === 0) return Array(runs).fill(1 / runs);
  if (given.length !== runs || sum === 0 || by === 'max' || by === 'min') {
    throw new AutoCircuitError({
      code: 'invalid-option',
      fields: { option: 'weights', got: text },
      where: 'ensemble',
      what: 'option "weights" does not fit',
      expected: by === 'max' || by === 'min' ? `none: "${by}" has no weights` : `${runs} numbers, not all 0`,
      got: text,
    });
  }
  return given.map((x) => x / sum);
}

function checkFolders(folders: readonly string[]): void {
  const twice = folders.find((folder, i) => folders.indexOf(folder) < i);
  if (folders.length >= 2 && twice === undefined) return;
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: 'runs', got: folders.join() },
    where: 'ensemble',
    what: twice === undefined ? 'an ensemble needs at least two runs' : `the run ${twice} is named twice`,
    expected: 'folders of different runs, separated by commas',
    got: folders.length === 0 ? 'none' : folders.join(','),
  });
}
