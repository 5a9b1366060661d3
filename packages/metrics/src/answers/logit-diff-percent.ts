/** @file Metric `logit-diff-percent`: the circuit's mean logit difference in percent of the model's. */
import { percentMetric } from './answer-metrics.js';

export const logitDiffPercent = percentMetric({
  name: 'logit-diff-percent',
  doc: "the circuit's mean logit difference in percent of the model's",
  tokenFunction: 'logit',
  what: "the model's mean logit difference",
});
