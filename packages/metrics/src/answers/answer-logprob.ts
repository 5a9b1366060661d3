/** @file Metric `answer-logprob`: mean log probability of the answers. */
import { answerMetric } from './answer-metrics.js';

/**
 * Mean over prompts of the mean log probability of the answers, in nats. Standard error over prompts.
 *
 * Minus the usual loss of language models; use it where prompts have no wrong answers and small probabilities count.
 */
export const answerLogprob = answerMetric({
  name: 'answer-logprob',
  doc: 'mean log probability of the answers',
  formula: 'E[l̄(A)]; l̄: mean log probability over tokens, A: the answers, E: mean over prompts',
  use: 'When there are no wrong answers; unlike the probability it still moves where predictions saturate.',
  tokenFunction: 'logprob',
  value: 'value',
  unit: 'nats',
});
