/** @file Integrated gradients over the masks of all edges. */
import { definePruneAlgo } from '@auto-circuit/core/plugin';
import { batchUnits } from '../shared/batch-sums.js';
import { PAPERS } from '../shared/papers.js';
import { gradientScores } from './gradient-scores.js';
import { OBJECTIVE_OPTIONS, objectiveOf } from './objective-options.js';

/**
 * Integrated gradients (Sundararajan, Taly and Yan 2017, https://arxiv.org/abs/1703.01365) along the line on which all masks
 * grow together from 0 (clean) to 1 (patched): the mean of ∂M/∂mask at k/samples for k = 0 … samples, both ends included.
 * (AutoCircuit's integrated edge gradients, which adds the samples + 1 points up instead.) Mean over prompts, in the unit of
 * M, which the options choose.
 *
 * Use it where the loss bends strongly between clean and patched; samples + 1 backward passes.
 */
export const integratedEdgeGradients = definePruneAlgo({
  name: 'integrated-edge-gradients',
  doc: 'gradient with respect to each edge, averaged on the way from no patched edges to all',
  formula: 'score(u→v) = mean over k = 0 … samples of ∂M/∂mask[u→v], with every mask at k/samples',
  use: 'When the loss bends strongly between the clean run and the patched one. It takes samples + 1 backward passes; ten or so are usually enough.',
  papers: [PAPERS.integratedGradients],
  options: {
    ...OBJECTIVE_OPTIONS,
    samples: {
      type: 'int',
      doc: 'steps from mask 0 to mask 1; there is one more gradient than steps',
      default: 50,
      min: 1,
    },
  },
  byPrompt: true,
  units: batchUnits,
  score(context, options) {
    const { samples } = options;
    return gradientScores(context, {
      key: ['integrated-edge-gradients', options],
      objective: objectiveOf('integrated-edge-gradients', options, context.objective),
      points: Array.from({ length: samples + 1 }, (_, k) => ({ at: { kind: 'mask', mask: k / samples } })),
    });
  },
});
