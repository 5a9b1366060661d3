/** @file Metric `answer-prob`: mean probability of the answers. */
import { answerMetric } from './answer-metrics.js';

/**
 * Mean over prompts of the mean probability of the answers, from 0 to 1. Standard error over prompts.
 *
 * Use it where prompts have no wrong answers.
 */
export const answerProb = answerMetric({
  name: 'answer-prob',
  doc: 'mean probability of the answers',
  formula: 'E[p̄(A)]; p̄: mean probability over tokens, A: the answers, E: mean over prompts',
  use: 'When there are no wrong answers and probabilities are what matters.',
  tokenFunction: 'prob',
  value: 'value',
  unit: 'probability',
});
