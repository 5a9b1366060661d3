/** @file Metric `faithfulness`: how much of the way from the empty circuit to the whole model the circuit goes. */
import { AutoCircuitError, defineMetric } from '@auto-circuit/core/plugin';
import { answerValues } from '../shared/prompt-values.js';
import { ratioOfMeans, standardErrorOf } from '../shared/statistics.js';

/**
 * (m(circuit) − m(∅)) / (m(model) − m(∅)), m the logit difference averaged over prompts and ∅ every edge patched
 * (as in MIB, Mueller et al. 2025). 1: as good as the model; above 1: better. Standard error by the delta method.
 *
 * @throws AutoCircuitError `undefined-metric` when m(model) − m(∅) is within 2 standard errors of 0: then the ratio says nothing.
 */
export const faithfulness = defineMetric({
  name: 'faithfulness',
  doc: 'share of the logit difference between the empty circuit and the model that the circuit recovers',
  options: {},
  higherIsBetter: true,
  needsWrongAnswers: true,
  unit: 'share',
  measure({ circuit, empty, model, outputSize }) {
    const none = answerValues(empty, outputSize, 'logit', 'diff');
    const above = answerValues(circuit, outputSize, 'logit', 'diff').map((m, i) => m - none[i]!);
    const below = answerValues(model, outputSize, 'logit', 'diff').map((m, i) => m - none[i]!);
    const gap = below.reduce((sum, x) => sum + x, 0) / below.length;
    const error = standardErrorOf(below) ?? 0;
    if (Math.abs(gap) <= 2 * error) {
      throw new AutoCircuitError({
        code: 'undefined-metric',
        fields: { metric: 'faithfulness', gap, standardError: error },
        where: 'faithfulness',
        what: 'the model is not reliably different from the empty circuit on these prompts, so there is no share to measure',
        expected: 'a mean difference in logit difference beyond 2 standard errors of 0',
        got: `${gap.toPrecision(3)} ± ${error.toPrecision(3)}`,
        fix: 'use more prompts, prompts on which the model does the task, or another metric (kl, logit-diff)',
      });
    }
    return ratioOfMeans('faithfulness', {
      above,
      below,
      scale: 1,
      what: 'the difference between model and empty circuit',
    });
  },
});
