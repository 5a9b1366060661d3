/** @file Metric `logprob-diff`: mean log probability of the answers minus that of the wrong answers. */
import { answerMetric } from './answer-metrics.js';

export const logprobDiff = answerMetric({
  name: 'logprob-diff',
  doc: 'mean log probability of the answers minus that of the wrong answers',
  tokenFunction: 'logprob',
  value: 'diff',
  unit: 'nats',
});
