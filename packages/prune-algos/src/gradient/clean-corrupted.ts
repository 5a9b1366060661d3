/** @file Edge attribution patching with gradients taken at both ends. */
import { definePruneAlgo } from '@auto-circuit/core/plugin';
import { gradientScores } from './gradient-scores.js';

/**
 * Clean-corrupted (the variant of that name in the EAP-IG code, Hanna, Pezzelle and Belinkov 2024, arXiv 2403.17806): the EAP
 * score with the mean of two gradients, on the clean run and on the run whose token embeddings are the patched-in ones;
 * differences of source outputs stay those of the ends. Mean over prompts; M is the run's objective.
 */
export const cleanCorrupted = definePruneAlgo({
  name: 'clean-corrupted',
  doc: 'edge attribution patching with the mean of the gradients on the clean and on the patched-in input',
  options: {},
  score: (context) =>
    gradientScores(context, {
      key: ['clean-corrupted'],
      objective: context.objective,
      points: [1, 0].map((alpha) => ({ at: { kind: 'input', alpha } })),
    }),
});
