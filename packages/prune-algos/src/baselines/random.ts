/** @file Random scores: the baseline that every algorithm has to beat. */
import { definePruneAlgo, unflattenScores, uniformAt } from '@auto-circuit/core/plugin';

/**
 * A uniform number in [0, 1) for each edge, by the run's seed and the edge's canonical number. Looks at no prompt.
 *
 * A baseline: what an algorithm finds should beat it.
 */
export const random = definePruneAlgo({
  name: 'random',
  doc: 'baseline: uniformly random scores, from the seed',
  formula: 'score(u→v) ~ uniform on [0, 1)',
  use: 'As a baseline: a method that does not beat it has found nothing.',
  signed: false,
  gradients: false,
  options: {},
  async score({ graph, seed, progress, signal }) {
    signal?.throwIfAborted();
    const flat = Float32Array.from({ length: graph.edgeCount }, (_, number) => uniformAt(seed, number));
    progress.report(graph.edgeCount, graph.edgeCount, 'edges');
    return { scores: unflattenScores(graph, flat) };
  },
});
