/** @file Exact patching that several processes share: a unit is one edge in one batch; what is kept are the differences of losses. */
import {
  CheckpointReader,
  objectiveByBatch,
  type PruneAlgoContext,
  type PruneResult,
  resumableWork,
  ScoreAccumulator,
  unflattenScores,
  type WorkPart,
  type WorkShare,
} from '@auto-circuit/core/plugin';
import { batchesKey } from '../shared/batches-key.js';
import { edgeLosses, ofPrompt, refuseNaN } from './exact-losses.js';

/**
 * Runs the units of a share and keeps their differences: batch after batch, in it edge after edge, of each the prompts.
 * @param chosen canonical numbers of the edges to run, ascending
 * @returns zeros: the scores are those of all shares
 * @throws AutoCircuitError `wrong-checkpoint` when what was saved is other work, or damaged
 */
export async function exactShare(
  context: PruneAlgoContext,
  share: WorkShare,
  chosen: readonly number[],
): Promise<PruneResult> {
  const { batches, graph } = context;
  const { start, stop } = share;
  const objectives = objectiveByBatch(context.objective, batches);
  const differences: number[] = []; // of [edges, prompts] of each batch, those of the share
  let done = start;
  const work = await resumableWork(context, {
    where: 'exact',
    key: ['exact', graph.edgeCount, chosen.join(), start, stop, batchesKey(context)],
    total: stop - start,
    unit: 'runs',
    state: () => ({ state: { unitsDone: done }, arrays: { differences: Float64Array.from(differences) } }),
  });
  if (work.saved) {
    const reader = new CheckpointReader('exact', work.saved);
    done = reader.count('unitsDone', stop, start);
    const length = numbersIn(batches, chosen.length, start, done);
    for (const x of reader.array('differences', { length, values: 'number' })) differences.push(x);
    reader.finish();
  }
  for (let b = Math.floor(done / chosen.length); done < stop; b++) {
    const first = b * chosen.length;
    const edges = chosen.slice(done - first, stop - first);
    for await (const { baseline, losses } of edgeLosses(context, batches[b]!, objectives[b]!, edges)) {
      for (const own of losses) {
        const change = own.map((loss, p) => loss - baseline[p]!);
        refuseNaN(graph, chosen[done - first]!, change);
        for (const x of change) differences.push(x);
        done++;
      }
      await work.step(done - start);
    }
  }
  await share.keep({ state: { unitsDone: done }, arrays: { differences: Float64Array.from(differences) } });
  return { scores: unflattenScores(graph, new Float32Array(graph.edgeCount)) };
}

/**
 * The scores from what all shares kept, a batch at a time.
 * @throws AutoCircuitError `wrong-checkpoint` where parts do not follow each other, or one is damaged or of other work
 */
export async function exactOfParts(
  { batches, graph, signal }: PruneAlgoContext,
  parts: AsyncIterable<WorkPart>,
  chosen: readonly number[],
): Promise<PruneResult> {
  const total = new ScoreAccumulator(graph);
  const refused = (got: number) =>
    new CheckpointReader('exact', { state: {}, arrays: {} }).refused('parts', 'the next unit', `unit ${got}`);
  let next = 0;
  let batch = 0;
  let differences = new Float64Array(0); // [chosen edges, prompts] of the batch
  let filled = 0;
  for await (const { start, stop, data } of parts) {
    signal?.throwIfAborted();
    if (start !== next) throw refused(start);
    next = stop;
    const reader = new CheckpointReader('exact', data);
    reader.count('unitsDone', stop, stop);
    const length = numbersIn(batches, chosen.length, start, stop);
    const kept = reader.array('differences', { length, values: 'number' });
    reader.finish();
    for (let at = 0; at < kept.length; ) {
      const prompts = batches[batch]!.prompts.length;
      if (filled === 0) differences = new Float64Array(chosen.length * prompts);
      const some = kept.subarray(at, at + differences.length - filled);
      differences.set(some, filled);
      at += some.length;
      filled += some.length;
      if (filled < differences.length) break;
      for (let p = 0; p < prompts; p++) total.add(ofPrompt(graph, chosen, differences, p));
      batch++;
      filled = 0;
    }
  }
  if (next !== batches.length * chosen.length) throw refused(next);
  return total.result();
}

/** How many differences the units [start, stop) have: one for each prompt of their batch. */
function numbersIn(batches: PruneAlgoContext['batches'], edges: number, start: number, stop: number): number {
  let count = 0;
  for (const [b, { prompts }] of batches.entries()) {
    const units = Math.min(stop, (b + 1) * edges) - Math.max(start, b * edges);
    count += Math.max(0, units) * prompts.length;
  }
  return count;
}
