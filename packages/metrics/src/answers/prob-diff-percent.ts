/** @file Metric `prob-diff-percent`: the circuit's mean probability difference in percent of the model's. */
import { percentMetric } from './answer-metrics.js';

export const probDiffPercent = percentMetric({
  name: 'prob-diff-percent',
  doc: "the circuit's mean probability difference in percent of the model's",
  tokenFunction: 'prob',
  what: "the model's mean probability difference",
});
