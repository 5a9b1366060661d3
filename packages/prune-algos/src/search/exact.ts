/** @file Exact activation patching: every edge patched by itself. */
import { definePruneAlgo } from '@auto-circuit/core/plugin';
import { PAPERS } from '../shared/papers.js';
import { CHOSEN_EDGES, chosenEdges } from './chosen-edges.js';
import { type EdgeByEdge, edgeByEdge } from './edge-by-edge.js';
import { edgeLosses } from './exact-losses.js';
import { exactOfParts, exactShare } from './exact-shares.js';

/**
 * Exact activation patching (path patching of single edges: Goldowsky-Dill et al. 2023, https://arxiv.org/abs/2304.05969):
 * score(u→v) = M(only this edge patched) − M(clean) for each prompt; mean over prompts with standard errors, in the unit of M,
 * the run's objective. Losses are taken from logits on the host in float64. Takes up its work where it was stopped, to the
 * same last bit.
 *
 * Use it as the truth that the gradient scores approximate, where one run for each edge can be afforded; else with `edges`,
 * for those that a cheaper algorithm found strongest. Edges that are not run score 0.
 */
export const exact = definePruneAlgo({
  name: 'exact',
  doc: 'exact activation patching: one run for each edge, its loss minus the clean loss',
  formula: 'score(u→v) = M(only u→v patched) − M(clean)',
  use: 'The reference that the gradient scores approximate. It takes one run per edge, so on a large graph give it the strongest edges of a cheaper run (edges, top).',
  papers: [PAPERS.pathPatching],
  gradients: false,
  options: CHOSEN_EDGES,
  byPrompt: true,
  units: ({ batches, graph }, { edges = '', top = 0 }) =>
    batches.length * chosenEdges('exact', graph, edges, top).length,
  async score(context, { edges: named = '', top = 0 }) {
    const chosen = chosenEdges('exact', context.graph, named, top);
    if (context.share) return exactShare(context, context.share, chosen);
    if (context.parts) return exactOfParts(context, context.parts, chosen);
    const losses: EdgeByEdge['losses'] = (...of) => edgeLosses(context, ...of);
    return edgeByEdge(context, { name: 'exact', chosen, losses });
  },
});
