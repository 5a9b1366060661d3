// @ts-check
/**
 * @file A plugin for AutoCircuit with one pruning algorithm. All that it needs is behind one door,
 * `@auto-circuit/core/plugin`; `auto-circuit discover --plugin degree --algo degree …` finds it by its package name.
 */
import {
  allEdges,
  definePlugin,
  definePruneAlgo,
  flattenScores,
  objectiveByBatch,
  ScoreAccumulator,
  unflattenScores,
} from '@auto-circuit/core/plugin';

/**
 * score(u→v) = EAP(u→v) · (out(u) · in(v))^power. out(u) is the sum of |EAP| over the edges that leave u, in(v) the sum
 * over those that reach v, each as a share of the largest one. Edges of well connected nodes come first, so small
 * circuits hang together; `power` 0 is plain edge attribution patching.
 */
export const degree = definePruneAlgo({
  name: 'degree',
  doc: 'edge attribution patching, weighted by how well connected both ends are',
  options: {
    power: { type: 'number', default: 0.5, min: 0, max: 4, doc: 'weight of the ends; 0 is plain attribution patching' },
  },
  async score(context, { power }) {
    const { scores } = await attribution(context);
    const { graph } = context;
    const flat = flattenScores(graph, scores); // [edges], in canonical order
    const edges = allEdges(graph);
    const out = new Float64Array(graph.sources.length);
    const into = new Float64Array(graph.destinations.length);
    for (const { number, source, destination } of edges) {
      out[source.index] += Math.abs(flat[number]);
      into[destination.index] += Math.abs(flat[number]);
    }
    const largest = Math.max(...out) * Math.max(...into);
    if (largest === 0) return { scores }; // no edge matters: nothing to weigh
    const weighted = flat.map((score, number) => {
      const { source, destination } = edges[number];
      return score * ((out[source.index] * into[destination.index]) / largest) ** power;
    });
    return { scores: unflattenScores(graph, weighted) };
  },
});

/**
 * The gradient of the loss with respect to each edge's mask at the clean run: mean over prompts, in float64.
 * @param {import('@auto-circuit/core/plugin').PruneAlgoContext} context
 */
async function attribution({ model, graph, batches, objective, patch, progress, signal }) {
  const objectives = objectiveByBatch(objective, batches);
  const total = new ScoreAccumulator(graph);
  for (const [i, batch] of batches.entries()) {
    signal?.throwIfAborted(); // Ctrl-C
    total.add(await model.maskGradient(batch, { input: 'clean', patch, objective: objectives[i] }));
    progress.report(i + 1, batches.length, 'batches');
  }
  return total.result();
}

export default definePlugin({ name: 'auto-circuit-plugin-degree', contributes: [degree] });
