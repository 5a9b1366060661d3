/** @file Adversarial knock-outs: how incomplete a known circuit is, by the knock-outs that tell it from the model. */
import { definePruneAlgo, edgesByName } from '@auto-circuit/core/plugin';
import { KnockoutTraining } from './knockout-training.js';
import { USUAL_INIT } from './learned-mask-options.js';
import { seededNoise } from './mask-noise.js';
import { trainedScores } from './trained-scores.js';

/**
 * What is trained, see `KnockoutTraining`. Score of an edge = how likely it is knocked out in the end; 0 outside the circuit. The
 * curve `difference` says how far apart model and circuit came: near the first value for a complete circuit.
 */
export const adversarialKnockouts = definePruneAlgo({
  name: 'adversarial-knockouts',
  doc: 'completeness of a known circuit: knock-outs inside it, trained to make the circuit and the model differ',
  signed: false,
  options: {
    edges: {
      type: 'string',
      doc: 'names of the circuit’s edges, with commas between them; none: all edges',
      default: '',
    },
    target: {
      type: 'enum',
      doc: 'what is to differ: the outputs (kl), or the logit differences (logit-diff)',
      values: ['kl', 'logit-diff'],
      default: 'kl',
    },
    learningRate: { type: 'number', doc: 'the learning rate of Adam', default: 0.1, min: 0 },
    epochs: { type: 'int', doc: 'times through the prompts; a step a batch', default: 200, min: 1 },
    lambda: { type: 'number', doc: 'weight of knock-outs beyond those that are free', default: 0.1, min: 0 },
    free: {
      type: 'number',
      doc: 'share of the circuit that may be knocked out at no cost',
      default: 0.2,
      min: 0,
      max: 1,
    },
    init: { type: 'number', doc: 'every parameter at the start; below 0: few knock-outs', default: -USUAL_INIT },
  },
  async score(context, options) {
    const { model, graph, batches, patch, seed, signal } = context;
    signal?.throwIfAborted();
    const { edges, ...settings } = options;
    const names = edges.split(',').map((name) => name.trim());
    const named = names.filter((name) => name !== '').flatMap((name) => edgesByName(graph, name));
    const circuit = named.length > 0 ? named : Array.from({ length: graph.edgeCount }, (_, edge) => edge);
    const noise = seededNoise(seed, 'adversarial-knockouts');
    const training = new KnockoutTraining(model, batches, {
      ...settings,
      circuit,
      patch,
      maskFunction: 'hard-concrete',
      noise,
    });
    return trainedScores(context, 'adversarial-knockouts', options, training);
  },
});
