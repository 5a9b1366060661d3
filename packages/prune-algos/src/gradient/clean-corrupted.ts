/** @file Edge attribution patching with gradients taken at both ends. */
import { definePruneAlgo } from '@auto-circuit/core/plugin';
import { batchUnits } from '../shared/batch-sums.js';
import { PAPERS } from '../shared/papers.js';
import { gradientScores } from './gradient-scores.js';

/**
 * Clean-corrupted (the variant of that name in the code of EAP-IG, Hanna, Pezzelle and Belinkov 2024,
 * https://arxiv.org/abs/2403.17806): the EAP score with the mean of two gradients, one on the clean run and one on the run
 * whose token embeddings are the patched-in ones. The activation differences stay those between the two ends. Mean over
 * prompts, in the unit of M, the run's objective.
 *
 * Use it where `eap` is misled by a loss that is flat on the clean run, and two backward passes are all one can afford.
 */
export const cleanCorrupted = definePruneAlgo({
  name: 'clean-corrupted',
  doc: 'edge attribution patching with the mean of the gradients on the clean and on the patched-in input',
  formula: 'score(u→v) = Σ (patch_u − clean_u) · ½ (∂M/∂in_v on the clean run + ∂M/∂in_v on the patched-in input)',
  use: 'When the loss is flat on the clean run and you can afford twice the cost of eap, but no more.',
  papers: [PAPERS.eapIg],
  options: {},
  byPrompt: true,
  units: batchUnits,
  score: (context) =>
    gradientScores(context, {
      key: ['clean-corrupted'],
      objective: context.objective,
      points: [1, 0].map((alpha) => ({ at: { kind: 'input', alpha } })),
    }),
});
