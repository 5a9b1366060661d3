/** @file IBCircuit: noise takes the place of what edges carry, as far as the output can do without it; no corrupt prompts. */
import { definePruneAlgo } from '@auto-circuit/core/plugin';
import { PAPERS } from '../shared/papers.js';
import { ActivationNoise } from './activation-noise.js';
import { InformationTraining } from './information-training.js';
import { PACE_OPTIONS, paceOf } from './learned-mask-options.js';
import { trainedScores } from './trained-scores.js';
import { WARM_START_OPTIONS, warmStart } from './warm-start.js';

/**
 * IBCircuit (Bian et al. 2025, "IBCircuit: Towards Holistic Circuit Discovery with Information Bottleneck",
 * https://arxiv.org/abs/2602.22581): each edge carries λ · (what its source writes) + (1 − λ) · noise, and the λ of all edges are
 * trained together to let through as little information as keeps the output; what is minimised, see `InformationTraining`.
 * Noise is normal, with the mean and the standard deviation that each number has over the clean prompts at its position, so
 * neither corrupt prompts nor the run's ablation play a part. Score = log odds of λ, from those of the edge that carries the
 * least.
 *
 * As in the paper's code λ is a sigmoid, the divergence is that of outputs, and β weighs the mean information. Unlike there, all
 * prompts share one λ an edge (its mean over prompts is taken there), the mean and deviation are those of the clean run, and
 * what is a mean over numbers and prompts is taken in closed form (`carriedInformation`). Edges of one source share a draw of
 * noise in each step. The paper's code: beta=1 learningRate=0.05 epochs=1300 init=5, which keeps more edges open: on ioi-mini
 * circuits of 40 edges are as good, those of 10 are not.
 *
 * Use it where there are no corrupt prompts, or none that say what the task is.
 */
export const ibcircuit = definePruneAlgo({
  name: 'ibcircuit',
  doc: 'information bottleneck: how much of each edge can be noise before the output changes; needs no corrupt prompts',
  formula:
    'minimise KL(clean ‖ noisy) + β · mean over edges of (λ² − λ − ln(1 − λ)), an edge carrying λ · a_u + (1 − λ) · noise; score = log odds of λ',
  use: 'When there are no corrupt prompts, or none that fit the task, and edges work together. It takes a few hundred training steps.',
  papers: [PAPERS.ibcircuit],
  signed: false,
  options: {
    beta: {
      type: 'number',
      doc: 'price of a nat of information, mean over edges, in nats of divergence; higher: fewer edges stay open',
      default: 20,
      min: 0,
    },
    learningRate: { type: 'number', doc: 'the learning rate of Adam', default: 0.2, min: 0 },
    epochs: { type: 'int', doc: 'passes over the prompts; one step per batch', default: 100, min: 1 },
    init: {
      type: 'number',
      doc: 'log odds at the start of the share that is an edge’s own; 2: most of it',
      default: 2,
    },
    ...PACE_OPTIONS,
    ...WARM_START_OPTIONS,
  },
  async score(context, options) {
    const { model, batches, graph, seed, signal, warn } = context;
    signal?.throwIfAborted();
    const alone = lonelyLength(batches);
    if (alone !== null)
      warn?.(
        `ibcircuit makes noise from how activations differ between prompts of one length, and there is one prompt of ${alone} tokens: nothing is noise there; use prompts of one length`,
      );
    const training = await InformationTraining.create(model, batches, {
      ...options,
      seed,
      noise: await ActivationNoise.of(model, batches, context),
      pace: paceOf(options),
      warmStart: await warmStart('ibcircuit', graph, options),
    });
    return trainedScores(context, 'ibcircuit', options, training);
  },
});

/** A length that only one prompt has; null where there is none. */
function lonelyLength(batches: Parameters<typeof ActivationNoise.of>[1]): number | null {
  const counts = new Map<number, number>();
  for (const { length, prompts } of batches) counts.set(length, (counts.get(length) ?? 0) + prompts.length);
  return [...counts].find(([, count]) => count === 1)?.[0] ?? null;
}
