/** @file Metric `kl-corrupt`: KL divergence from the whole model's output on the corrupt prompts to the circuit's. */
import { defineMetric } from '@auto-circuit/core/plugin';
import { klValues } from '../shared/prompt-values.js';
import { meanValue } from '../shared/statistics.js';

/**
 * KL(corrupt model ‖ circuit), in nats: how far the circuit is from what the model says on the corrupt prompts; higher is
 * better. Standard error over prompts.
 *
 * Use it beside `kl`: a circuit that is near neither output has left the task.
 */
export const klCorrupt = defineMetric({
  name: 'kl-corrupt',
  doc: 'KL divergence from the model on the corrupt prompts to the circuit',
  formula: 'mean over prompts of Σ over tokens of p_corrupt · ln(p_corrupt ÷ p_circuit)',
  use: 'To see how far the circuit has moved away from what the corrupt prompts give.',
  options: {},
  higherIsBetter: true,
  needsWrongAnswers: false,
  unit: 'nats',
  reads: ['kl-corrupt'],
  measure: ({ circuit, corrupt, outputSize }) => meanValue('kl-corrupt', klValues(corrupt, circuit, outputSize)),
});
