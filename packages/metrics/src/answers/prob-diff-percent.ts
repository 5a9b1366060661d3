/** @file Metric `prob-diff-percent`: the circuit's mean probability difference in percent of the model's. */
import { percentMetric } from './answer-metrics.js';

/**
 * 100 · (the circuit's mean probability difference) / (the model's on the clean prompts), in percent. Standard error by the delta
 * method.
 *
 * 100 is the whole model; above 100 the circuit does more. It counts from 0, not from the empty circuit, which `faithfulness`
 * does.
 * @throws AutoCircuitError `undefined-metric` from `measure` when the model has no mean difference
 */
export const probDiffPercent = percentMetric({
  name: 'prob-diff-percent',
  doc: "the circuit's mean probability difference in percent of the model's",
  formula:
    '100 · E[p̄(A) − p̄(W)] of the circuit ÷ the same of the model; p̄: mean probability over the answers A and the wrong answers W, E: mean over prompts',
  use: 'To compare models or tasks whose differences have different sizes. Unlike faithfulness, 0 is not the empty circuit.',
  tokenFunction: 'prob',
  what: "the model's mean probability difference",
});
