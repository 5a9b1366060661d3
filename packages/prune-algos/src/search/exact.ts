/** @file Exact activation patching: every edge patched by itself. */
import {
  AutoCircuitError,
  type CheckpointData,
  CheckpointReader,
  definePruneAlgo,
  type Graph,
  objectiveByBatch,
  resumableWork,
  ScoreAccumulator,
} from '@auto-circuit/core/plugin';
import { batchesKey } from '../shared/batches-key.js';
import { edgeList } from '../shared/edge-list.js';
import { finishedBatches } from '../shared/finished-batches.js';
import { PAPERS } from '../shared/papers.js';
import { edgeLosses, ofPrompt, refuseNaN } from './exact-losses.js';
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
  options: {
    edges: {
      type: 'string',
      doc: 'only these edges: names separated by commas; all others score 0. Empty: every edge',
      default: '',
    },
    top: { type: 'int', doc: 'use only the first N of `edges`; 0: all of them', default: 0, min: 0 },
  },
  byPrompt: true,
  units: ({ batches, graph }, { edges = '', top = 0 }) => batches.length * chosenEdges(graph, edges, top).length,
  async score(context, { edges: named = '', top = 0 }) {
    const { batches, graph } = context;
    const chosen = chosenEdges(graph, named, top);
    if (context.share) return exactShare(context, context.share, chosen);
    if (context.parts) return exactOfParts(context, context.parts, chosen);
    const count = chosen.length;
    const objectives = objectiveByBatch(context.objective, batches);
    let total = new ScoreAccumulator(graph, context);
    let batchesDone = 0;
    let edgesDone = 0;
    let differences = new Float64Array(0); // the batch that is worked on, [chosen edges, prompts]
    const promptsOf = (b: number): number => batches[b]?.prompts.length ?? 0;
    const work = await resumableWork(context, {
      where: 'exact',
      key: ['exact', graph.edgeCount, ...(count < graph.edgeCount ? [chosen.join()] : []), batchesKey(context)],
      total: batches.length * count,
      unit: 'runs', // one edge in one batch
      state(): CheckpointData {
        const { state, arrays } = total.toCheckpoint();
        const done = differences.slice(0, edgesDone * promptsOf(batchesDone)); // only these, so that the length says how many
        return { state: { ...state, batchesDone, edgesDone }, arrays: { ...arrays, differences: done } };
      },
    });
    if (work.saved) {
      const reader = new CheckpointReader('exact', work.saved);
      ({ total, batchesDone } = finishedBatches(reader, context));
      const prompts = promptsOf(batchesDone);
      edgesDone = reader.count('edgesDone', batchesDone < batches.length ? Math.max(0, count - 1) : 0);
      differences = new Float64Array(count * prompts);
      differences.set(reader.array('differences', { length: edgesDone * prompts, values: 'number' })); // a loss may be infinite
      reader.finish();
    }
    for (const [b, batch] of batches.entries()) {
      if (b < batchesDone) continue;
      const prompts = batch.prompts.length;
      if (edgesDone === 0) differences = new Float64Array(count * prompts);
      const edges = chosen.slice(edgesDone);
      for await (const { baseline, losses } of edgeLosses(context, batch, objectives[b]!, edges)) {
        for (const own of losses) {
          const change = own.map((loss, p) => loss - baseline[p]!);
          refuseNaN(graph, chosen[edgesDone]!, change);
          differences.set(change, edgesDone * prompts);
          edgesDone++;
        }
        if (edgesDone < count) await work.step(b * count + edgesDone);
      }
      for (let p = 0; p < prompts; p++) total.add(ofPrompt(graph, chosen, differences, p));
      batchesDone = b + 1;
      edgesDone = 0;
      await work.step(batchesDone * count);
    }
    return total.result();
  },
});

/** Canonical numbers of the edges to run, ascending; all of them where none is named. */
function chosenEdges(graph: Graph, named: string, top: number): readonly number[] {
  if (named.trim() === '') {
    if (top === 0) return Array.from({ length: graph.edgeCount }, (_, number) => number);
    throw new AutoCircuitError({
      code: 'missing-option',
      fields: { option: 'edges' },
      where: 'exact',
      what: '`top` chooses among named edges, and none are named',
      expected: 'names of edges, the most important first',
      fix: 'name the edges, or leave `top` out',
    });
  }
  const edges = [...new Set(edgeList(graph, named))];
  return edges.slice(0, top === 0 ? edges.length : top).sort((a, b) => a - b);
}
