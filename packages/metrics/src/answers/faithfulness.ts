/** @file Metric `faithfulness`: how much of the way from the empty circuit to the whole model the circuit goes. */
import { AutoCircuitError, defineMetric } from '@auto-circuit/core/plugin';
import { PAPERS } from '../shared/papers.js';
import { answerValues } from '../shared/prompt-values.js';
import { ratioOfMeans, standardErrorOf } from '../shared/statistics.js';

/**
 * (m(circuit) − m(∅)) / (m(model) − m(∅)), where m is the logit difference averaged over prompts and ∅ has every edge patched
 * (as in MIB, Mueller et al. 2025, https://arxiv.org/abs/2504.13151). A share: 1 is as good as the model, above 1 better, 0 no
 * better than nothing. Standard error by the delta method.
 *
 * The number to compare circuits, ablations and tasks by.
 * @throws AutoCircuitError `undefined-metric` from `measure` when m(model) − m(∅) is within 2 standard errors of 0: then the
 * ratio says nothing
 */
export const faithfulness = defineMetric({
  name: 'faithfulness',
  doc: 'share of the logit difference between the empty circuit and the model that the circuit recovers',
  formula: '(m(circuit) − m(∅)) ÷ (m(model) − m(∅)); m: mean logit difference, ∅: every edge patched',
  use: 'The number to compare circuits, ablations and tasks by. 1 does as well as the model and 0 no better than nothing; values above 1 are possible, since a circuit may leave out edges that work against the answer.',
  papers: [PAPERS.mib],
  options: {},
  higherIsBetter: true,
  needsWrongAnswers: true,
  unit: 'share',
  reads: ['answers'],
  measure({ circuit, empty, model, outputSize }) {
    const none = answerValues(empty, outputSize, 'logit', 'diff');
    const numerators = answerValues(circuit, outputSize, 'logit', 'diff').map((m, i) => m - none[i]!);
    const denominators = answerValues(model, outputSize, 'logit', 'diff').map((m, i) => m - none[i]!);
    const gap = denominators.reduce((sum, x) => sum + x, 0) / denominators.length;
    const error = standardErrorOf(denominators) ?? 0;
    if (Math.abs(gap) <= 2 * error) {
      throw new AutoCircuitError({
        code: 'undefined-metric',
        fields: { metric: 'faithfulness', gap, standardError: error },
        where: 'faithfulness',
        what: 'the model is not reliably different from the empty circuit on these prompts, so there is no share to measure',
        expected: 'a mean difference in logit difference beyond 2 standard errors of 0',
        got: `${gap.toPrecision(3)} ± ${error.toPrecision(3)}`,
        fix: 'use more prompts, prompts on which the model can do the task, or another metric (kl, logit-diff)',
      });
    }
    return ratioOfMeans('faithfulness', {
      numerators,
      denominators,
      scale: 1,
      what: 'the difference between model and empty circuit',
    });
  },
});
