/** @file Metric `wrong-answer-logit`: mean logit of the wrong answers. */
import { answerMetric } from './answer-metrics.js';

export const wrongAnswerLogit = answerMetric({
  name: 'wrong-answer-logit',
  doc: 'mean logit of the wrong answers',
  tokenFunction: 'logit',
  value: 'wrong',
  unit: 'logits',
});
