/** @file Metric `mse`: squared difference of the circuit's outputs to the whole model's on the clean prompts. */
import { defineMetric } from '@auto-circuit/core/plugin';
import { comparedValues } from '../shared/prompt-values.js';
import { meanValue } from '../shared/statistics.js';

/**
 * Mean over outputs, positions read and prompts of (circuit − clean model)², in squared logits; 0 is the whole model. Standard
 * error over prompts.
 *
 * Use it for models that write numbers rather than probabilities, where KL has no meaning.
 */
export const mse = defineMetric({
  name: 'mse',
  doc: 'mean squared difference of outputs from the clean model',
  formula: 'mean over prompts and outputs of (circuit − clean)²',
  use: 'For models whose output is numbers rather than tokens, such as compiled ones.',
  options: {},
  higherIsBetter: false,
  needsWrongAnswers: false,
  unit: 'squared logits',
  measure: ({ circuit, clean, outputSize }) => meanValue('mse', comparedValues(clean, circuit, outputSize, meanSquare)),
});

const meanSquare = (reference: ArrayLike<number>, row: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += (row[i]! - reference[i]!) ** 2;
  return sum / row.length;
};
