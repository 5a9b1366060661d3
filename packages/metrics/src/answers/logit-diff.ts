/** @file Metric `logit-diff`: mean logit of the answers minus that of the wrong answers. */

import { PAPERS } from '../shared/papers.js';
import { answerMetric } from './answer-metrics.js';

/**
 * Mean over prompts of (mean logit of the answers − mean logit of the wrong answers) of the circuit, in logits. Standard error
 * over prompts.
 *
 * What most papers on circuits report: it is linear in the logits. Measured against the model by `logit-diff-percent` and
 * `faithfulness`.
 */
export const logitDiff = answerMetric({
  name: 'logit-diff',
  doc: 'mean logit of the answers minus that of the wrong answers',
  formula: 'E[z̄(A) − z̄(W)]; z̄: mean logit over tokens, A: the answers, W: the wrong answers, E: mean over prompts',
  use: 'What most papers on circuits report: it is linear in the logits.',
  papers: [PAPERS.ioi],
  tokenFunction: 'logit',
  value: 'diff',
  unit: 'logits',
});
