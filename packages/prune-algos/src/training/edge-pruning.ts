/** @file Edge Pruning: masks of edges and nodes, trained to keep the output at a given sparsity. */
import { definePruneAlgo } from '@auto-circuit/core/plugin';
import { PAPERS } from '../shared/papers.js';
import { EdgePruningTraining } from './edge-pruning-training.js';
import { checkSize, PACE_OPTIONS, paceOf } from './learned-mask-options.js';
import { trainedScores } from './trained-scores.js';
import { WARM_START_OPTIONS, warmStart } from './warm-start.js';

/**
 * Edge Pruning (Bhaskar, Wettig, Friedman and Chen 2024, "Finding Transformer Circuits with Edge Pruning",
 * https://arxiv.org/abs/2406.16778): what is minimised, see `EdgePruningTraining`. The circuit is then chosen by score and
 * size, as everywhere here, which is what its code does by bisection. What is patched in is the run's ablation. Sparsity is
 * held for edges, not for nodes as well. Score = log odds that the edge and its source are kept, from those of the edge that
 * is furthest outside.
 *
 * Defaults are gentler than the paper's, with which the masks of a small graph all close in the same few steps and never open
 * again. The paper's: steps=3000 warmup=2500 learningRate=0.8 multiplierRate=0.8 stiffness=0 start=10 rateWarmup=200, and a
 * sparsity of 0.94 to 1.1.
 *
 * Use it where edges act together and the size of the circuit is known; it takes hundreds or thousands of steps.
 */
export const edgePruning = definePruneAlgo({
  name: 'edge-pruning',
  doc: 'masks of edges and source nodes, trained to keep the output while a given share of the edges is removed',
  formula:
    'min over masks, max over λ₁ and λ₂ of KL(clean ‖ circuit) + λ₁ (t − s) + λ₂ (t − s)²; s: the expected share of edges removed, t: its target; score = log odds of the edge + those of its source',
  use: 'When edges work together and you know the size of the circuit. It takes hundreds to thousands of steps; the defaults suit small graphs, the paper’s settings large ones.',
  papers: [PAPERS.edgePruning],
  signed: false,
  options: {
    size: {
      type: 'int',
      doc: 'number of edges to shrink to, by the same share of the rest in each step; 0: set by the sparsity',
      default: 0,
      min: 0,
    },
    sparsity: {
      type: 'number',
      doc: 'share of the edges to remove; above 1 pushes beyond what can be reached',
      default: 0.95,
      min: 0,
      max: 2,
    },
    steps: { type: 'int', doc: 'training steps, one batch each', default: 1000, min: 1 },
    warmup: {
      type: 'int',
      doc: 'steps over which the requested size or sparsity is approached from all edges; 0: two thirds of all, 1: none',
      default: 0,
      min: 0,
    },
    learningRate: { type: 'number', doc: 'the learning rate of Adam for masks', default: 0.1, min: 0 },
    multiplierRate: {
      type: 'number',
      doc: 'the learning rate of Adam for the multipliers that hold the sparsity',
      default: 0.1,
      min: 0,
    },
    stiffness: {
      type: 'number',
      doc: 'the multiplier of the squared distance to the sparsity at the start, in nats; it only grows',
      default: 100,
      min: 0,
    },
    start: {
      type: 'number',
      doc: 'log odds at the start that an edge, and a node, is kept',
      default: 4,
    },
    ...PACE_OPTIONS,
    ...WARM_START_OPTIONS,
  },
  async score(context, options) {
    const { model, graph, batches, patch, seed } = context;
    const { size, sparsity, steps, warmup } = options;
    context.signal?.throwIfAborted();
    checkSize('edge-pruning', graph, size);
    const training = await EdgePruningTraining.create(model, batches, {
      ...options,
      sparsity: size === 0 ? sparsity : 1 - size / graph.edgeCount,
      ramp: size === 0 ? 'linear' : 'geometric',
      warmup: warmup === 0 ? Math.round((2 / 3) * steps) : warmup,
      pace: paceOf(options),
      warmStart: await warmStart('edge-pruning', graph, options),
      patch,
      seed,
    });
    return trainedScores(context, 'edge-pruning', options, training);
  },
});
