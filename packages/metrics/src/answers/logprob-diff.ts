/** @file Metric `logprob-diff`: mean log probability of the answers minus that of the wrong answers. */
import { answerMetric } from './answer-metrics.js';

/**
 * Mean over prompts of (mean log probability of the answers − that of the wrong answers) of the circuit, in nats. Standard
 * error over prompts.
 *
 * Equal to `logit-diff` but for rounding, since the normaliser cancels; there for AutoCircuit's numbers.
 */
export const logprobDiff = answerMetric({
  name: 'logprob-diff',
  doc: 'mean log probability of the answers minus that of the wrong answers',
  formula:
    'E[l̄(A) − l̄(W)]; l̄: mean log probability over tokens, A: the answers, W: the wrong answers, E: mean over prompts',
  use: 'To compare with papers that report it. It equals logit-diff, since the softmax takes the same amount from every logit.',
  tokenFunction: 'logprob',
  value: 'diff',
  unit: 'nats',
});
