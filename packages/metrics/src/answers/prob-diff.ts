/** @file Metric `prob-diff`: mean probability of the answers minus that of the wrong answers. */
import { answerMetric } from './answer-metrics.js';

/**
 * Mean over prompts of (mean probability of the answers − mean probability of the wrong answers) of the circuit, from −1 to 1.
 * Standard error over prompts.
 *
 * Use it where other tokens than these may win, which logit differences do not see.
 */
export const probDiff = answerMetric({
  name: 'prob-diff',
  doc: 'mean probability of the answers minus that of the wrong answers',
  formula:
    'E[p̄(A) − p̄(W)]; p̄: mean probability over tokens, A: the answers, W: the wrong answers, E: mean over prompts',
  use: 'When probabilities are what matters, as for tasks with many right answers. Saturated predictions change it little.',
  tokenFunction: 'prob',
  value: 'diff',
  unit: 'probability',
});
