/** @file Metric `ndf`: how near to the whole model a circuit comes on each prompt, where neither side of it is better. */
import { defineMetric, promptNdf } from '@auto-circuit/core/plugin';
import { PAPERS } from '../shared/papers.js';
import { answerValues } from '../shared/prompt-values.js';

/**
 * Normalised deviation faithfulness (Wu and Barez 2025, "Query Circuits", https://arxiv.org/abs/2509.24808): for each prompt
 * 1 − min(1, |m(model) − m(circuit)| ÷ |m(model) − m(∅)|), mean over prompts. m is the logit difference of the prompt, ∅ has
 * every edge patched, which under resampling is the model on the corrupt prompt, as in the paper. From 0 to 1.
 *
 * Use it for single prompts, and where some prompts are hardly moved by patching: `faithfulness` of one such prompt is a huge
 * number, and of circuits that overshoot is above 1.
 */
export const ndf = defineMetric({
  name: 'ndf',
  doc: 'normalised deviation faithfulness: how near to the model the circuit comes on each prompt, from 0 to 1',
  formula: 'mean over prompts of 1 − min(1, |m(model) − m(circuit)| ÷ |m(model) − m(∅)|); m: logit difference',
  use: 'For single prompts, and where patching hardly moves some prompts: unlike faithfulness it stays between 0 and 1, and overshooting the model counts like falling short of it.',
  papers: [PAPERS.queryCircuits],
  options: {},
  higherIsBetter: true,
  needsWrongAnswers: true,
  unit: 'share',
  reads: ['answers'],
  measure({ circuit, empty, model, outputSize }) {
    const none = answerValues(empty, outputSize, 'logit', 'diff');
    const whole = answerValues(model, outputSize, 'logit', 'diff');
    const values = answerValues(circuit, outputSize, 'logit', 'diff').map((m, i) =>
      promptNdf(m - none[i]!, whole[i]! - none[i]!),
    );
    return { value: values.reduce((sum, x) => sum + x, 0) / values.length, prompts: { values } };
  },
});
