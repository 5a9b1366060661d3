/** @file Warm starts: masks that begin where another run's scores say, not all alike. */
import { AutoCircuitError, type Graph, unflattenScores } from '@auto-circuit/core/plugin';
import { meanRanks } from '../shared/mean-ranks.js';
import { scoresOfRun } from '../shared/run-scores.js';
import { blockRanges } from './parameter-layout.js';

/** Options of every algorithm that trains masks. */
export const WARM_START_OPTIONS = {
  from: {
    type: 'string',
    doc: 'folder of a run on the same graph: masks start in the order of its scores, the strongest edges furthest inside',
    default: '',
  },
  warmth: {
    type: 'number',
    doc: 'how far apart masks start that way: the standard deviation of their log odds',
    default: 1,
    min: 0,
  },
} as const;

/**
 * How much further inside the circuit each edge starts, in log odds: warmth · Φ⁻¹((rank − ½) ÷ edges), ranks by rising |score|,
 * the mean rank for equal ones. Normal scores have mean 0 and standard deviation 1 whatever the unit of the scores is, so that
 * a training starts with as many edges as without them.
 *
 * The idea of a sequential ensemble, scores of a cheap algorithm as the start of Edge Pruning, is from Mondorf et al. 2025
 * (https://arxiv.org/abs/2510.06811), who scale scores layer by layer.
 * @returns in the order of the score tensors, [edges]; null without a run
 * @throws AutoCircuitError where the run's scores cannot be used, `wrong-scores` where they do not tell edges apart
 */
export async function warmStart(
  where: string,
  graph: Graph,
  { from, warmth }: { readonly from: string; readonly warmth: number },
): Promise<Float64Array | null> {
  if (from.trim() === '') return null;
  const scores = await scoresOfRun(where, graph, from.trim());
  const offsets = normalScores(scores.map(Math.abs)).map((z) => warmth * z);
  if (offsets.length > 1 && scores.every((score) => Math.abs(score) === Math.abs(scores[0]!))) {
    throw new AutoCircuitError({
      code: 'wrong-scores',
      fields: { path: from },
      where,
      what: `the scores in ${from} are all equal, so no mask can start by them`,
      fix: 'start from a run whose scores tell edges apart, or from none',
    });
  }
  const tensors = unflattenScores(graph, offsets);
  const out = new Float64Array(graph.edgeCount);
  for (const { module, start } of blockRanges(graph)) out.set(tensors[module]!.data, start);
  return out;
}

const normalScores = (sizes: Float64Array): Float64Array =>
  meanRanks(sizes).map((rank) => normalQuantile((rank - 0.5) / sizes.length));

/** Φ⁻¹ by bisection of Φ, which Abramowitz and Stegun 1964, 7.1.26, give to 1.5e-7: enough for a start. */
function normalQuantile(p: number): number {
  let [low, high] = [-8, 8];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (normalBelow(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function normalBelow(x: number): number {
  const t = 1 / (1 + (0.3275911 * Math.abs(x)) / Math.SQRT2);
  const polynomial = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = 0.5 * polynomial * Math.exp((-x * x) / 2);
  return x < 0 ? tail : 1 - tail;
}
