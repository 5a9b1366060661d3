/** @file The selection `stable`: edges whose sign other prompts would not change, before all others. */
import { AutoCircuitError } from '../errors/error.js';
import { flattenScores } from '../graph/score-index.js';
import { importances } from '../graph/scores.js';
import { defineSelection, type SelectionDefinition } from './selection.js';

/**
 * Edges with |score| > z standard errors over prompts by falling importance, then the others likewise: what a bootstrap of the
 * prompts finds of the same sign in nearly all resamples, as entries to the shared task of MIB filtered edges (BlackboxNLP 2025), by
 * the normal approximation. Without standard errors it has nothing to go by, and says so.
 */
export const stableSelection: SelectionDefinition = defineSelection({
  name: 'stable',
  doc: 'exactly n: edges whose sign is sure, |score| above z standard errors over prompts, by importance; then the others',
  options: {
    z: { type: 'number', doc: 'how many standard errors a score is away from 0 to be sure', default: 1.96, min: 0 },
  },
  select({ graph, scores, standardErrors, rankBy }, { z }) {
    if (!standardErrors) {
      throw new AutoCircuitError({
        code: 'wrong-scores',
        fields: { missing: 'standard-errors' },
        where: 'stable',
        what: 'these scores have no standard errors, so no sign is known to be sure',
        fix: 'score with an algorithm that gives them, such as eap, on two prompts or more; or choose circuits in another way',
      });
    }
    const importance = importances(graph, scores, rankBy); // by canonical number
    const values = flattenScores(graph, scores);
    const errors = flattenScores(graph, standardErrors);
    const sure = values.map((score, edge) => (Math.abs(score) > z * errors[edge]! ? 1 : 0));
    return Array.from(importance.keys()).sort(
      (a, b) => sure[b]! - sure[a]! || importance[b]! - importance[a]! || a - b,
    );
  },
});
