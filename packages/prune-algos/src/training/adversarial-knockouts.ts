/** @file Adversarial knock-outs: how incomplete a known circuit is, by the knock-outs under which it differs most from the model. */
import { definePruneAlgo } from '@auto-circuit/core/plugin';
import { edgeList } from '../shared/edge-list.js';
import { PAPERS } from '../shared/papers.js';
import { KnockoutTraining } from './knockout-training.js';
import { USUAL_INIT } from './learned-mask-options.js';
import { seededNoise } from './mask-noise.js';
import { trainedScores } from './trained-scores.js';

/**
 * The adversarial completeness of a known circuit (Wang et al. 2022, https://arxiv.org/abs/2211.00593, trained as in
 * AutoCircuit; what is minimised, see `KnockoutTraining`). Score of an edge = the probability that it is knocked out in the
 * end; 0 outside the circuit. The curve `difference` says how far apart model and circuit came (nats, or logits): near the
 * first value for a complete circuit.
 *
 * Use it to ask whether a circuit has left out what does the same work as its edges.
 */
export const adversarialKnockouts = definePruneAlgo({
  name: 'adversarial-knockouts',
  doc: 'completeness of a known circuit: knock-outs inside it, trained to make the circuit and the model differ',
  formula:
    'minimise −D(model without K, circuit without K) + λ · max(0, |K| − n) ÷ n over sets K inside the circuit; n: the knock-outs that are free; score = P(edge in K)',
  use: 'To ask whether a circuit has left out something that does the same work as its edges. It tests a circuit; it does not find one.',
  papers: [PAPERS.ioi],
  signed: false,
  options: {
    edges: {
      type: 'string',
      doc: 'names of the circuit’s edges, separated by commas; none: all edges',
      default: '',
    },
    target: {
      type: 'enum',
      doc: 'what is to differ: the outputs (kl), or the logit differences (logit-diff)',
      values: ['kl', 'logit-diff'],
      default: 'kl',
    },
    learningRate: { type: 'number', doc: 'the learning rate of Adam', default: 0.1, min: 0 },
    epochs: { type: 'int', doc: 'passes over the prompts; one step per batch', default: 200, min: 1 },
    lambda: { type: 'number', doc: 'weight of knock-outs beyond those that are free', default: 0.1, min: 0 },
    free: {
      type: 'number',
      doc: 'share of the circuit that may be knocked out for free',
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
    const named = edgeList(graph, edges);
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
