/** @file Uniform gradient sampling: the probability of each edge is trained, with gradients from samples near the border. */
import { definePruneAlgo } from '@auto-circuit/core/plugin';
import { trainingSettings } from './learned-mask-options.js';
import { MaskTraining } from './mask-training.js';
import { trainedScores } from './trained-scores.js';

/**
 * Uniform gradient sampling (Li and Janson 2024, "Optimal Ablation for Interpretability", https://arxiv.org/abs/2409.09951):
 * minimises KL(clean output ‖ circuit) + λ · Σ over edges of P(edge in the circuit) by Adam, in nats. What is patched in is
 * the run's ablation (the constants of optimal ablation are not trained along with it). Score = how far an edge's parameter,
 * log odds, has come towards the circuit.
 *
 * Use it where edges act together and the price of an edge is what you want to set rather than a size.
 */
export const ugs = definePruneAlgo({
  name: 'ugs',
  doc: 'uniform gradient sampling: trains the probability that each edge is in the circuit, with a price for each edge',
  signed: false,
  options: {
    lambda: { type: 'number', doc: 'price of an edge in nats', default: 1e-3, min: 0 },
    learningRate: { type: 'number', doc: 'the learning rate of Adam', default: 0.05, min: 0 },
    epochs: { type: 'int', doc: 'times through the prompts; a step a batch', default: 200, min: 1 },
    init: {
      type: 'number',
      doc: 'the log odds at the start that an edge is patched; below 0 the circuit starts large',
      default: -1,
    },
  },
  async score(context, options) {
    const { model, batches, graph } = context;
    const { lambda, learningRate, epochs, init } = options;
    context.signal?.throwIfAborted();
    const settings = trainingSettings(
      'ugs',
      'ugs',
      context,
      {
        patchType: 'tree',
        target: 'kl',
        maskFunction: 'uniform-gradient',
        learningRate,
        epochs,
        dropout: 0,
        avoid: '',
        avoidLambda: 1,
      },
      { init, size: null, lambda: lambda * graph.edgeCount, countBy: 'probability' },
    );
    const training = await MaskTraining.create(model, batches, settings);
    return trainedScores(context, 'ugs', options, training);
  },
});
