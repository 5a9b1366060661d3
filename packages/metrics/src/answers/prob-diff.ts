/** @file Metric `prob-diff`: mean probability of the answers minus that of the wrong answers. */
import { answerMetric } from './answer-metrics.js';

export const probDiff = answerMetric({
  name: 'prob-diff',
  doc: 'mean probability of the answers minus that of the wrong answers',
  tokenFunction: 'prob',
  value: 'diff',
  unit: 'probability',
});
