/** @file The gradient of an answer objective with respect to each edge's mask, at any mask value. */
import { definePruneAlgo } from '@auto-circuit/core/plugin';
import { batchUnits } from '../shared/batch-sums.js';
import { PAPERS } from '../shared/papers.js';
import { gradientScores } from './gradient-scores.js';
import { OBJECTIVE_OPTIONS, objectiveOf } from './objective-options.js';

/**
 * ∂M/∂mask[v, u] with every mask at `mask`: 0 is the clean run (edge attribution patching), 1 the run with every edge
 * patched (Miller, Chughtai and Saunders 2024, "Transformer Circuit Faithfulness Metrics Are Not Robust",
 * https://arxiv.org/abs/2407.08734; AutoCircuit's mask gradient). M is minus the mean answer difference or value of
 * f(logits), or the mean squared distance of f(logits) to targets. Mean over prompts, in the unit of f.
 *
 * Use it for an objective that is not the run's, to repeat AutoCircuit's numbers, or to ask what an edge does while the
 * others are patched as well.
 */
export const maskGradient = definePruneAlgo({
  name: 'mask-gradient',
  doc: 'gradient of an answer objective with respect to each edge, at any mask value',
  formula: 'score(u→v) = ∂M/∂mask[u→v], with every mask at the value given',
  use: 'To score by another quantity than the objective of the run, to reproduce numbers of the Python library, or to see what an edge does while the others are patched too.',
  papers: [PAPERS.autoCircuit],
  options: {
    ...OBJECTIVE_OPTIONS,
    mask: {
      type: 'number',
      doc: 'how far every edge is patched where the gradient is taken',
      default: 0,
      min: 0,
      max: 1,
    },
  },
  byPrompt: true,
  units: batchUnits,
  score: (context, options) =>
    gradientScores(context, {
      key: ['mask-gradient', options],
      objective: objectiveOf('mask-gradient', options, context.objective),
      points: [{ at: { kind: 'mask', mask: options.mask } }],
    }),
});
