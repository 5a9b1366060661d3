/** @file Edge attribution patching with integrated gradients over the input. */
import { definePruneAlgo } from '@auto-circuit/core/plugin';
import { batchUnits } from '../shared/batch-sums.js';
import { PAPERS } from '../shared/papers.js';
import { gradientScores } from './gradient-scores.js';

/**
 * EAP-IG, inputs (Hanna, Pezzelle and Belinkov 2024, "Have Faith in Faithfulness", https://arxiv.org/abs/2403.17806): the
 * EAP score with the gradient averaged over `steps` runs whose token embeddings are x_k = patch + (k/steps)·(clean − patch),
 * k = 0 … steps − 1. The activation differences stay those between the two ends. Mean over prompts, in the unit of M, the
 * run's objective.
 *
 * The usual choice: the paper finds its circuits more faithful than those of EAP, at `steps` backward passes.
 */
export const eapIgInputs = definePruneAlgo({
  name: 'eap-ig-inputs',
  doc: 'edge attribution patching with gradients averaged between the patched-in and the clean input',
  formula:
    'score(u→v) = Σ (patch_u − clean_u) · mean over k = 0 … steps − 1 of ∂M/∂in_v, on the embeddings patch + (k/steps) · (clean − patch)',
  use: 'The usual choice in the literature: the paper finds its circuits more faithful than those of eap, for steps times the cost.',
  papers: [PAPERS.eapIg, PAPERS.integratedGradients],
  options: {
    steps: { type: 'int', doc: 'number of inputs between the two at which gradients are taken', default: 5, min: 1 },
  },
  byPrompt: true,
  units: batchUnits,
  score: (context, { steps }) =>
    gradientScores(context, {
      key: ['eap-ig-inputs', steps],
      objective: context.objective,
      points: Array.from({ length: steps }, (_, k) => ({ at: { kind: 'input', alpha: k / steps } })),
    }),
});
