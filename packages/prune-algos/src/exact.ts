/** @file Exact activation patching: every edge patched by itself. */
import {
  AutoCircuitError,
  type CheckpointData,
  definePruneAlgo,
  floatTensor,
  type Graph,
  maskFromEdges,
  type Objective,
  objectiveByBatch,
  objectiveOnLogits,
  type PromptBatch,
  type PromptScores,
  type PruneAlgoContext,
  ScoreAccumulator,
  type Tensor,
  unflattenScores,
} from '@auto-circuit/core';
import { batchesKey, resumableWork } from './resume.js';

/**
 * Exact activation patching (path patching of single edges: Goldowsky-Dill et al. 2023, arXiv 2304.05969):
 * score(u→v) = M(only this edge patched) − M(clean), a loss difference, for each prompt; mean over prompts with
 * standard errors. What the gradient scores approximate, at the price of one run for each edge. Losses are taken from
 * logits on the host in float64. Takes up its work where it was stopped, to the same last bit.
 */
export const exact = definePruneAlgo({
  name: 'exact',
  doc: 'exact activation patching: one run for each edge, its loss minus the clean loss',
  gradients: false,
  options: {},
  async score(context) {
    const { batches, graph } = context;
    const objectives = objectiveByBatch(context.objective, batches);
    let total = new ScoreAccumulator(graph);
    let batchesDone = 0;
    let edgesDone = 0;
    let differences = new Float64Array(0); // the batch that is worked on, [edges, prompts]
    const work = await resumableWork(context, {
      key: ['exact', graph.edgeCount, batchesKey(context)],
      total: batches.length * graph.edgeCount,
      unit: 'edges',
      state(): CheckpointData {
        const { state, arrays } = total.toCheckpoint();
        return { state: { ...state, batchesDone, edgesDone }, arrays: { ...arrays, differences: differences.slice() } };
      },
    });
    if (work.saved) {
      total = ScoreAccumulator.fromCheckpoint(graph, work.saved);
      batchesDone = Number(work.saved.state.batchesDone);
      edgesDone = Number(work.saved.state.edgesDone);
      differences = savedDifferences(work.saved);
    }
    for (const [b, batch] of batches.entries()) {
      if (b < batchesDone) continue;
      const prompts = batch.prompts.length;
      if (edgesDone === 0) differences = new Float64Array(graph.edgeCount * prompts);
      const lossOf = await patchedLosses(context, batch, objectives[b]!);
      const baseline = await lossOf([]); // [prompts]
      while (edgesDone < graph.edgeCount) {
        const losses = await lossOf([edgesDone]); // [prompts]
        for (let p = 0; p < prompts; p++) differences[edgesDone * prompts + p] = losses[p]! - baseline[p]!;
        edgesDone++;
        if (edgesDone < graph.edgeCount) await work.step(b * graph.edgeCount + edgesDone);
      }
      for (let p = 0; p < prompts; p++) total.add(ofPrompt(graph, differences, prompts, p));
      batchesDone = b + 1;
      edgesDone = 0;
      await work.step(batchesDone * graph.edgeCount);
    }
    return total.result();
  },
});

/** M of each prompt when just these edges are patched, `[prompts]`. */
async function patchedLosses(
  { model, graph, patch }: PruneAlgoContext,
  batch: PromptBatch,
  objective: Objective,
): Promise<(edges: readonly number[]) => Promise<Float64Array>> {
  const run = (edges: readonly number[]): Promise<Tensor<Float32Array>> =>
    model.patchedRun(batch, { input: 'clean', patch, mask: maskFromEdges(graph, edges, { inside: 1, outside: 0 }) });
  const cleanLogits = await run([]); // [prompts, outputs]; by the same program, so that rounding cancels
  return async (edges) => {
    const logits = edges.length === 0 ? cleanLogits : await run(edges);
    return objectiveOnLogits(objective, logits, batch, { cleanLogits });
  };
}

/** The differences of one prompt, from [edges, prompts] in canonical order to `[1, position?, head?, sources]` by module. */
function ofPrompt(graph: Graph, differences: Float64Array, prompts: number, prompt: number): PromptScores {
  const flat = Float64Array.from({ length: graph.edgeCount }, (_, edge) => differences[edge * prompts + prompt]!);
  const scores = unflattenScores(graph, flat);
  const tensors = Object.entries(scores).map(([module, { data, shape }]) => [module, floatTensor(data, [1, ...shape])]);
  return { tensors: Object.fromEntries(tensors) as PromptScores['tensors'] };
}

function savedDifferences({ arrays }: CheckpointData): Float64Array<ArrayBuffer> {
  const saved = arrays.differences;
  if (saved) return Float64Array.from(saved);
  throw new AutoCircuitError({
    where: 'exact',
    what: 'the checkpoint lacks the losses of the batch it was in',
    fix: 'start again with --overwrite',
  });
}
