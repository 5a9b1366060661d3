/** @file Metric `logprob-diff-percent`: the circuit's mean log probability difference in percent of the model's. */
import { percentMetric } from './answer-metrics.js';

export const logprobDiffPercent = percentMetric({
  name: 'logprob-diff-percent',
  doc: "the circuit's mean log probability difference in percent of the model's",
  tokenFunction: 'logprob',
  what: "the model's mean log probability difference",
});
