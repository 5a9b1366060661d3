/** @file Metric `logit-diff`: mean logit of the answers minus that of the wrong answers. */
import { answerMetric } from './answer-metrics.js';

export const logitDiff = answerMetric({
  name: 'logit-diff',
  doc: 'mean logit of the answers minus that of the wrong answers',
  tokenFunction: 'logit',
  value: 'diff',
  unit: 'logits',
});
