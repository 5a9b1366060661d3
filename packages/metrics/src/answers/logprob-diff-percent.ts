/** @file Metric `logprob-diff-percent`: the circuit's mean log probability difference in percent of the model's. */
import { percentMetric } from './answer-metrics.js';

/**
 * 100 · (the circuit's mean log probability difference) / (the model's on the clean prompts), in percent. Standard error by the delta
 * method.
 *
 * 100 is the whole model; above 100 the circuit does more. It counts from 0, not from the empty circuit, which `faithfulness`
 * does.
 * @throws AutoCircuitError `undefined-metric` from `measure` when the model has no mean difference
 */
export const logprobDiffPercent = percentMetric({
  name: 'logprob-diff-percent',
  doc: "the circuit's mean log probability difference in percent of the model's",
  formula:
    '100 · E[l̄(A) − l̄(W)] of the circuit ÷ the same of the model; l̄: mean log probability over the answers A and the wrong answers W, E: mean over prompts',
  use: 'To compare models or tasks whose differences have different sizes. Unlike faithfulness, 0 is not the empty circuit.',
  tokenFunction: 'logprob',
  what: "the model's mean log probability difference",
});
