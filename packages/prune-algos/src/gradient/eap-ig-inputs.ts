/** @file Edge attribution patching with integrated gradients over the input. */
import { definePruneAlgo } from '@auto-circuit/core/plugin';
import { gradientScores } from './gradient-scores.js';

/**
 * EAP-IG, inputs (Hanna, Pezzelle and Belinkov 2024, "Have Faith in Faithfulness", arXiv 2403.17806): the EAP score with
 * the gradient averaged over `steps` runs whose token embeddings are x_k = patch + (k/steps)·(clean − patch),
 * k = 0 … steps − 1; the differences of source outputs stay those of the ends. Mean over prompts; M is the run's objective.
 */
export const eapIgInputs = definePruneAlgo({
  name: 'eap-ig-inputs',
  doc: 'edge attribution patching with gradients averaged between the patched-in and the clean input',
  options: { steps: { type: 'int', doc: 'inputs between the two that gradients are taken at', default: 5, min: 1 } },
  score: (context, { steps }) =>
    gradientScores(context, {
      key: ['eap-ig-inputs', steps],
      objective: context.objective,
      points: Array.from({ length: steps }, (_, k) => ({ at: { kind: 'input', alpha: k / steps } })),
    }),
});
