/** @file Metric `kl`: KL divergence from the whole model's output on the clean prompts to the circuit's. */
import { defineMetric } from '@auto-circuit/core/plugin';
import { PAPERS } from '../shared/papers.js';
import { klValues } from '../shared/prompt-values.js';
import { meanValue } from '../shared/statistics.js';

/**
 * KL(clean model ‖ circuit): summed over the vocabulary, mean over prompts, in nats; 0 is the whole model. Standard error over
 * prompts.
 *
 * Use it to ask for the whole output rather than the answers; it needs no wrong answers.
 */
export const kl = defineMetric({
  name: 'kl',
  doc: 'KL divergence from the clean model to the circuit',
  formula: 'mean over prompts of Σ over tokens of p_clean · ln(p_clean ÷ p_circuit)',
  use: 'To ask for the whole output, not only the answers. It needs no wrong answers; 0 is the whole model.',
  papers: [PAPERS.acdc],
  options: {},
  higherIsBetter: false,
  needsWrongAnswers: false,
  unit: 'nats',
  reads: ['kl-clean'],
  measure: ({ circuit, clean, outputSize }) => meanValue('kl', klValues(clean, circuit, outputSize)),
});
