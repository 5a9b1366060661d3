/** @file Metric `answer-logit`: mean logit of the answers. */
import { answerMetric } from './answer-metrics.js';

/**
 * Mean over prompts of the mean logit of the answers, in logits. Standard error over prompts.
 *
 * Use it where prompts have no wrong answers, and only between circuits of one model: a logit alone has no zero.
 */
export const answerLogit = answerMetric({
  name: 'answer-logit',
  doc: 'mean logit of the answers',
  formula: 'E[z̄(A)]; z̄: mean logit over tokens, A: the answers, E: mean over prompts',
  use: 'When there are no wrong answers. Logits have no fixed zero, so compare circuits of one model only.',
  tokenFunction: 'logit',
  value: 'value',
  unit: 'logits',
});
