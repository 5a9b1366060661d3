/** @file Subnetwork probing of edges: one mask, trained to keep the output with as few edges as can be. */
import { definePruneAlgo } from '@auto-circuit/core/plugin';
import { PAPERS } from '../shared/papers.js';
import { checkSize, LEARNED_MASK_OPTIONS, SIZE_WEIGHT, trainingSettings, USUAL_INIT } from './learned-mask-options.js';
import { MaskTraining } from './mask-training.js';
import { trainedScores } from './trained-scores.js';
import { warmStart } from './warm-start.js';

/**
 * Subnetwork probing (Cao, Sanh and Rush 2021, "Low-Complexity Probing via Finding Subnetworks",
 * https://arxiv.org/abs/2104.03514), on edges as in AutoCircuit: what is minimised, see `MaskTraining`. Score of an edge = how
 * far its parameter has come towards the circuit, from that of the edge that is furthest outside (log odds where the mask is
 * sampled).
 *
 * With `edge` patches the circuit's edges carry clean activations in a corrupt run. (AutoCircuit patches corrupt means in
 * there, so that clean activations never enter; and means in a tree patch as well, whatever the run's ablation.)
 *
 * Use it where edges act together, so that scores of single edges mislead, and a few hundred steps can be afforded.
 */
export const subnetworkProbing = definePruneAlgo({
  name: 'subnetwork-probing',
  doc: 'a mask over all edges, trained by gradient descent to preserve the output with few edges',
  formula:
    'minimise D(circuit) + λ · edges in the circuit ÷ all edges (with a size: λ · max(0, edges − size) ÷ size); score = how far the edge’s parameter has moved into the circuit',
  use: 'When edges work together, so that scores of single edges mislead, and you know roughly how large the circuit should be. It takes a few hundred training steps.',
  papers: [PAPERS.subnetworks],
  signed: false,
  options: {
    ...LEARNED_MASK_OPTIONS,
    lambda: { type: 'number', doc: 'weight of the size of the circuit', default: SIZE_WEIGHT, min: 0 },
    size: {
      type: 'int',
      doc: 'number of edges to shrink to, below which size costs nothing; 0: the fewer the better',
      default: 0,
      min: 0,
    },
    init: {
      type: 'number',
      doc: 'every parameter at the start; above 0 the circuit starts small, below 0 large',
      default: -USUAL_INIT,
    },
  },
  async score(context, options) {
    const { model, batches } = context;
    const { lambda, size, init } = options;
    context.signal?.throwIfAborted();
    checkSize('subnetwork-probing', context.graph, size);
    const training = await MaskTraining.create(
      model,
      batches,
      trainingSettings('subnetwork-probing', 'subnetwork-probing', context, options, {
        lambda,
        init,
        size: size === 0 ? null : size,
        warmStart: await warmStart('subnetwork-probing', context.graph, options),
      }),
    );
    return trainedScores(context, 'subnetwork-probing', options, training);
  },
});
