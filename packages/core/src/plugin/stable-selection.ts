/** @file The selection `stable`: edges whose sign other prompts would not change, before all others. */
import { AutoCircuitError } from '../errors/error.js';
import { flattenScores } from '../graph/score-index.js';
import { importances } from '../graph/scores.js';
import { defineSelection, type SelectionDefinition } from './selection.js';

/**
 * Edges with |score| > z standard errors over prompts by falling importance, then the others likewise: what a bootstrap of the
 * prompts finds of the same sign in a share Φ(z) of the resamples or more, by the normal approximation. Nikankin et al. 2025
 * (https://arxiv.org/abs/2510.25786) filter edges by such a bootstrap for MIB. Without standard errors it has nothing to go by, and
 * says so.
 */
export const stableSelection: SelectionDefinition = defineSelection({
  name: 'stable',
  doc: 'exactly n: edges whose sign is sure, |score| above z standard errors over prompts, by importance; then the others',
  options: {
    z: { type: 'number', doc: 'how many standard errors a score is away from 0 to be sure', default: 1.96, min: 0 },
    share: {
      type: 'number',
      doc: 'instead of z: the share of resamples of the prompts in which the sign must hold, 0.975 for z = 1.96; 0: z decides',
      default: 0,
      min: 0,
      max: 0.999999,
    },
  },
  select({ graph, scores, standardErrors, rankBy }, { z: errorsAway, share }) {
    if (!standardErrors) {
      throw new AutoCircuitError({
        code: 'wrong-scores',
        fields: { missing: 'standard-errors' },
        where: 'stable',
        what: 'these scores have no standard errors, so no sign is known to be sure',
        fix: 'score with an algorithm that gives them, such as eap, on two prompts or more; or choose circuits in another way',
      });
    }
    const z = share > 0 ? Math.max(0, normalQuantile(share)) : errorsAway;
    const importance = importances(graph, scores, rankBy); // by canonical number
    const values = flattenScores(graph, scores);
    const errors = flattenScores(graph, standardErrors);
    const sure = values.map((score, edge) => (Math.abs(score) > z * errors[edge]! ? 1 : 0));
    return Array.from(importance.keys()).sort(
      (a, b) => sure[b]! - sure[a]! || importance[b]! - importance[a]! || a - b,
    );
  },
});

/** The z with P(Z ≤ z) = share of the normal distribution, to about 1e-6: where the tail of 26.2.17 (Abramowitz and Stegun 1964) has it. */
function normalQuantile(share: number): number {
  let [low, high] = [-6, 6];
  while (high - low > 1e-9) {
    const middle = (low + high) / 2;
    if (normalShare(middle) < share) low = middle;
    else high = middle;
  }
  return low;
}

function normalShare(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp(-(z ** 2) / 2) / Math.sqrt(2 * Math.PI)) * series;
  return z > 0 ? 1 - tail : tail;
}
