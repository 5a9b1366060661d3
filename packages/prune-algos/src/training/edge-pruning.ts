/** @file Edge Pruning: masks of edges and nodes, trained to keep the output at a given sparsity. */
import { definePruneAlgo } from '@auto-circuit/core/plugin';
import { EdgePruningTraining } from './edge-pruning-training.js';
import { trainedScores } from './trained-scores.js';

/**
 * Edge Pruning (Bhaskar, Wettig, Friedman and Chen 2024, "Finding Transformer Circuits with Edge Pruning",
 * https://arxiv.org/abs/2406.16778): what is minimised, see `EdgePruningTraining`. The circuit is then chosen by score and
 * size, as everywhere here, which is what its code does by bisection. What is patched in is the run's ablation. Sparsity is
 * held for edges, not for nodes as well. Score = log odds that the edge and its source are kept, from those of the edge that
 * is furthest outside.
 *
 * Use it where edges act together and the share of edges to remove is known; it takes thousands of steps.
 */
export const edgePruning = definePruneAlgo({
  name: 'edge-pruning',
  doc: 'masks of edges and source nodes, trained to keep the output while a given share of the edges is removed',
  signed: false,
  options: {
    sparsity: {
      type: 'number',
      doc: 'share of the edges to remove; above 1 presses harder than can be reached',
      default: 1.02,
      min: 0,
      max: 2,
    },
    steps: { type: 'int', doc: 'steps of training, a batch each', default: 3000, min: 1 },
    warmup: { type: 'int', doc: 'steps over which the sparsity asked for rises from 0', default: 2500, min: 0 },
    learningRate: { type: 'number', doc: 'the learning rate of Adam for masks', default: 0.8, min: 0 },
    multiplierRate: {
      type: 'number',
      doc: 'the learning rate of Adam for the multipliers that hold the sparsity',
      default: 0.8,
      min: 0,
    },
  },
  async score(context, options) {
    const { model, batches, patch, seed } = context;
    context.signal?.throwIfAborted();
    const training = await EdgePruningTraining.create(model, batches, { ...options, patch, seed });
    return trainedScores(context, 'edge-pruning', options, training);
  },
});
