/** @file Edge attribution patching with integrated gradients over the outputs of one block of sources after another. */
import {
  definePruneAlgo,
  floatTensor,
  type Graph,
  type PromptGradients,
  type PromptScores,
  type SourceBlock,
} from '@auto-circuit/core/plugin';
import { batchUnits } from '../shared/batch-sums.js';
import { PAPERS } from '../shared/papers.js';
import { type GradientPoint, gradientScores } from './gradient-scores.js';

/**
 * EAP-IG, activations (Hanna, Pezzelle and Belinkov 2024, https://arxiv.org/abs/2403.17806, after the integrated gradients
 * of Marks et al. 2024, https://arxiv.org/abs/2403.19647): one block after another (the embedding, the heads of each layer,
 * each MLP) has its output replaced in the clean run by patch + (k/steps)·(clean − patch), k = 1 … steps, and the rest of the
 * run follows. score(u→v) = Σ (patch_u − clean_u) · mean over k of ∂M/∂in_v, with the activation differences of the two ends.
 *
 * `count` says which of these runs an edge counts: `own`, those that replace the output of its own source's block, as in the
 * formula; `all`, the mean over all runs, as in the code of EAP-IG. Mean over prompts, in the unit of M, the run's objective.
 *
 * Use it where inputs between two prompts mean nothing to the model: here one block at a time leaves the clean run. It is the
 * dearest of the gradient scores: (2 + attention layers + MLPs) · steps backward passes.
 */
export const eapIgActivations = definePruneAlgo({
  name: 'eap-ig-activations',
  doc: "edge attribution patching with gradients averaged between each part's patched-in and clean output",
  formula:
    'score(u→v) = Σ (patch_u − clean_u) · mean over k = 1 … steps of ∂M/∂in_v, while the module of u writes patch + (k/steps) · (clean − patch)',
  use: 'When embeddings halfway between two prompts mean nothing to the model. On the shipped model it comes closest to exact of all gradient scores; it is also the most expensive: (2 + attention layers + MLPs) · steps backward passes.',
  papers: [PAPERS.eapIg, PAPERS.sparseFeatures],
  options: {
    steps: {
      type: 'int',
      doc: 'number of outputs between the two at which gradients are taken, for each part',
      default: 5,
      min: 1,
    },
    count: {
      type: 'enum',
      doc: "own: an edge counts the runs that move its own source; all: the mean over all runs, as in EAP-IG's code",
      values: ['own', 'all'],
      default: 'own',
    },
  },
  byPrompt: true,
  units: batchUnits,
  score: (context, { steps, count }) =>
    gradientScores(context, {
      key: ['eap-ig-activations', steps, count],
      objective: context.objective,
      points: context.graph.sourceBlocks.flatMap((block) => pointsOf(context.graph, block, steps, count)),
    }),
});

function pointsOf(graph: Graph, block: SourceBlock, steps: number, count: 'own' | 'all'): GradientPoint[] {
  const blocks = graph.sourceBlocks.length;
  const share = count === 'own' ? (all: PromptGradients) => ownShare(graph, block, blocks, all) : undefined;
  return Array.from({ length: steps }, (_, k) => ({
    at: { kind: 'activations', site: block.site, alpha: (k + 1) / steps },
    ...(share ? { share } : {}),
  }));
}

/** Scores of the block's own edges, 0 elsewhere; times the number of blocks, since the mean goes over all blocks' points. */
function ownShare(graph: Graph, block: SourceBlock, blocks: number, { tensors }: PromptGradients): PromptScores {
  const own = graph.destinationBlocks.map(({ module, sources }) => {
    const { data, shape } = tensors[module]!; // [prompts, position?, head?, sources]
    const width = sources.stop - sources.start;
    const counted = Float64Array.from(data, (x, i) => {
      const source = sources.start + (i % width);
      return source >= block.start && source < block.stop ? x * blocks : 0;
    });
    return [module, floatTensor(counted, shape)] as const;
  });
  return { tensors: Object.fromEntries(own) };
}
