/** @file Metric `answer-logit`: mean logit of the answers. */
import { answerMetric } from './answer-metrics.js';

export const answerLogit = answerMetric({
  name: 'answer-logit',
  doc: 'mean logit of the answers',
  tokenFunction: 'logit',
  value: 'value',
  unit: 'logits',
});
