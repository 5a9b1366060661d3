import {
  definePlugin,
  definePruneAlgo,
  objectiveByBatch,
  type PruneAlgo,
  ScoreAccumulator,
} from '@auto-circuit/core/plugin';

/**
 * Scores of edges: here, the gradient of the loss with respect to each edge's mask where every mask is `at`. Put your own
 * numbers in its place; what a model offers is listed in the documentation of `PatchableModel`.
 */
export const myPlugin: PruneAlgo = definePruneAlgo({
  name: 'my-plugin',
  doc: 'gradients where every edge is patched by a share',
  options: { at: { type: 'number', default: 0, min: 0, max: 1, doc: 'share of every edge that is patched' } },
  byPrompt: true, // the accumulator below hands each prompt's scores on, so that runs can keep them
  async score(context, { at }) {
    const { model, graph, batches, objective, patch, progress, signal } = context;
    const objectives = objectiveByBatch(objective, batches);
    const total = new ScoreAccumulator(graph, context); // float64, prompt by prompt
    for (const [i, batch] of batches.entries()) {
      signal?.throwIfAborted(); // Ctrl-C
      total.add(
        await model.maskGradient(batch, {
          input: 'clean',
          patch,
          objective: objectives[i]!,
          at: { kind: 'mask', mask: at },
        }),
      );
      progress.report(i + 1, batches.length, 'batches');
    }
    return total.result(); // means over prompts, and their standard errors
  },
});

export default definePlugin({ name: 'PACKAGE', contributes: [myPlugin] });
