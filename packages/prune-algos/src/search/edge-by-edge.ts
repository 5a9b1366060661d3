/** @file Scores that are what each edge does to the loss by itself: run after run, taken up where they were stopped. */
import {
  type CheckpointData,
  CheckpointReader,
  type Objective,
  objectiveByBatch,
  type PromptBatch,
  type PruneAlgoContext,
  type PruneResult,
  resumableWork,
  ScoreAccumulator,
} from '@auto-circuit/core/plugin';
import { batchesKey } from '../shared/batches-key.js';
import { finishedBatches } from '../shared/finished-batches.js';
import { type EdgeLosses, ofPrompt, refuseNaN } from './exact-losses.js';

/** Which edges are run, and how. */
export interface EdgeByEdge {
  /** The algorithm's name. */
  readonly name: string;
  /** Canonical numbers, ascending; all others score 0. */
  readonly chosen: readonly number[];
  /** Losses of edges of one batch, in their order. Work is taken up again at the beginning of what comes together. */
  losses(batch: PromptBatch, objective: Objective, edges: readonly number[]): AsyncIterable<EdgeLosses>;
}

/**
 * M(only this edge patched) − M(nothing patched) for each prompt; mean over prompts with standard errors.
 * @throws AutoCircuitError `wrong-checkpoint` when what was saved is other work, or damaged
 */
export async function edgeByEdge(context: PruneAlgoContext, request: EdgeByEdge): Promise<PruneResult> {
  const { name, chosen } = request;
  const { batches, graph } = context;
  const count = chosen.length;
  const objectives = objectiveByBatch(context.objective, batches);
  let total = new ScoreAccumulator(graph, context);
  let batchesDone = 0;
  let edgesDone = 0;
  let differences = new Float64Array(0); // the batch that is worked on, [chosen edges, prompts]
  const promptsOf = (b: number): number => batches[b]?.prompts.length ?? 0;
  const work = await resumableWork(context, {
    where: name,
    key: [name, graph.edgeCount, ...(count < graph.edgeCount ? [chosen.join()] : []), batchesKey(context)],
    total: batches.length * count,
    unit: 'runs', // one edge in one batch
    state(): CheckpointData {
      const { state, arrays } = total.toCheckpoint();
      const done = differences.slice(0, edgesDone * promptsOf(batchesDone)); // only these, so that the length says how many
      return { state: { ...state, batchesDone, edgesDone }, arrays: { ...arrays, differences: done } };
    },
  });
  if (work.saved) {
    const reader = new CheckpointReader(name, work.saved);
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
    for await (const { baseline, losses } of request.losses(batch, objectives[b]!, edges)) {
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
}
