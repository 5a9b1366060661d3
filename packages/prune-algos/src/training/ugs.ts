/** @file Uniform gradient sampling: the probability of each edge is trained, with gradients from samples near the border. */
import { definePruneAlgo, optionDefaults } from '@auto-circuit/core/plugin';
import { PAPERS } from '../shared/papers.js';
import {
  checkSize,
  LEARNED_MASK_OPTIONS,
  PACE_OPTIONS,
  SIZE_WEIGHT,
  trainingSettings,
} from './learned-mask-options.js';
import { MaskTraining } from './mask-training.js';
import { trainedScores } from './trained-scores.js';
import { WARM_START_OPTIONS, warmStart } from './warm-start.js';

/**
 * Uniform gradient sampling (Li and Janson 2024, "Optimal Ablation for Interpretability", https://arxiv.org/abs/2409.09951):
 * minimises KL(clean output ‖ circuit) + λ · Σ over edges of P(edge in the circuit) by Adam, in nats. What is patched in is
 * the run's ablation (the constants of optimal ablation are not trained along with it). With a size, edges up to it cost
 * nothing and those beyond it so much that twice the size costs `SIZE_WEIGHT` nats. Score = how far an edge's parameter, log
 * odds, has come towards the circuit.
 *
 * Use it where edges act together, with the price of an edge or the size of the circuit.
 */
export const ugs = definePruneAlgo({
  name: 'ugs',
  doc: 'uniform gradient sampling: trains the probability that each edge is in the circuit, with a price for each edge',
  formula: 'minimise KL(clean ‖ circuit) + λ · Σ P(edge in the circuit); score = log odds of the edge',
  use: 'When edges work together and you can name the price of an edge (lambda) or the size of the circuit.',
  papers: [PAPERS.optimalAblation],
  signed: false,
  options: {
    lambda: { type: 'number', doc: 'price of an edge in nats, where no size is asked for', default: 1e-3, min: 0 },
    size: {
      type: 'int',
      doc: 'number of edges to shrink to, below which edges cost nothing; 0: every edge has its price',
      default: 0,
      min: 0,
    },
    learningRate: { type: 'number', doc: 'the learning rate of Adam', default: 0.05, min: 0 },
    epochs: { type: 'int', doc: 'passes over the prompts; one step per batch', default: 200, min: 1 },
    init: {
      type: 'number',
      doc: 'the log odds at the start that an edge is patched; below 0 the circuit starts large',
      default: -1,
    },
    ...PACE_OPTIONS,
    ...WARM_START_OPTIONS,
    descent: LEARNED_MASK_OPTIONS.descent,
  },
  async score(context, options) {
    const { model, batches, graph } = context;
    const { lambda, size, init } = options;
    context.signal?.throwIfAborted();
    checkSize('ugs', graph, size);
    const priced = { size: null, lambda: lambda * graph.edgeCount };
    const settings = trainingSettings(
      'ugs',
      'ugs',
      context,
      {
        ...optionDefaults(LEARNED_MASK_OPTIONS),
        ...options,
        maskFunction: 'uniform-gradient',
        countBy: 'probability',
      },
      {
        init,
        warmStart: await warmStart('ugs', graph, options),
        ...(size === 0 ? priced : { size, lambda: SIZE_WEIGHT }),
      },
    );
    const training = await MaskTraining.create(model, batches, settings);
    return trainedScores(context, 'ugs', options, training);
  },
});
