/** @file Metric `answer-logprob`: mean log probability of the answers. */
import { answerMetric } from './answer-metrics.js';

export const answerLogprob = answerMetric({
  name: 'answer-logprob',
  doc: 'mean log probability of the answers',
  tokenFunction: 'logprob',
  value: 'value',
  unit: 'nats',
});
