/** @file Edge attribution patching. */
import { definePruneAlgo } from '@auto-circuit/core/plugin';
import { batchUnits } from '../shared/batch-sums.js';
import { PAPERS } from '../shared/papers.js';
import { gradientScores } from './gradient-scores.js';

/**
 * Edge attribution patching (Syed, Rager and Conmy 2023, "Attribution Patching Outperforms Automated Circuit Discovery",
 * https://arxiv.org/abs/2310.10348): score(u→v) = Σ over positions and dModel of (patch_u − clean_u) · ∂M/∂in_v on the
 * clean run, which is ∂M/∂mask[v, u] at mask 0. Mean over prompts, in the unit of M, the run's objective (a loss).
 *
 * Start with it: two forward passes and one backward score every edge. Where the loss is flat or bends between the two
 * runs, `eap-ig-inputs` and `exact` are better guides.
 */
export const eap = definePruneAlgo({
  name: 'eap',
  doc: 'edge attribution patching: the gradient of the loss with respect to each edge at the clean run',
  formula: 'score(u→v) = Σ (patch_u − clean_u) · ∂M/∂in_v, on the clean run',
  use: 'Start here: two forward passes and one backward pass score every edge. Where the loss is flat or bends between the two runs, prefer eap-ig-inputs or check the strongest edges with exact.',
  papers: [PAPERS.eap],
  options: {},
  byPrompt: true,
  units: batchUnits,
  score: (context) => gradientScores(context, { key: ['eap'], objective: context.objective, points: [{}] }),
});
