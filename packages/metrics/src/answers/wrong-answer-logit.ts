/** @file Metric `wrong-answer-logit`: mean logit of the wrong answers. */
import { answerMetric } from './answer-metrics.js';

/**
 * Mean over prompts of the mean logit of the wrong answers, in logits; lower is better. Standard error over prompts.
 *
 * Use it beside `answer-logit`, to see which of the two moves a logit difference.
 */
export const wrongAnswerLogit = answerMetric({
  name: 'wrong-answer-logit',
  doc: 'mean logit of the wrong answers',
  formula: 'E[z̄(W)]; z̄: mean logit over tokens, W: the wrong answers, E: mean over prompts',
  use: 'Beside answer-logit, to see which of the two a circuit changes.',
  tokenFunction: 'logit',
  value: 'wrong',
  unit: 'logits',
});
