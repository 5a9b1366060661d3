/** @file Metric `answer-prob`: mean probability of the answers. */
import { answerMetric } from './answer-metrics.js';

export const answerProb = answerMetric({
  name: 'answer-prob',
  doc: 'mean probability of the answers',
  tokenFunction: 'prob',
  value: 'value',
  unit: 'probability',
});
