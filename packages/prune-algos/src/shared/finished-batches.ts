/** @file Scores summed up over the batches that a checkpoint says are done. */
import { type CheckpointReader, type PruneAlgoContext, ScoreAccumulator } from '@auto-circuit/core/plugin';

/** What was done when work was stopped. */
export interface FinishedBatches {
  readonly batchesDone: number;
  /** Of the prompts of these batches, and of no others. */
  readonly total: ScoreAccumulator;
}

/**
 * Reads what a `ScoreAccumulator` saved, beside the count `batchesDone`.
 * @throws AutoCircuitError `wrong-checkpoint` when the two do not belong together, or something is damaged
 */
export function finishedBatches(
  reader: CheckpointReader,
  context: Pick<PruneAlgoContext, 'batches' | 'byPrompt' | 'graph'>,
): FinishedBatches {
  const { graph, batches } = context;
  const batchesDone = reader.count('batchesDone', batches.length);
  const prompts = batches.slice(0, batchesDone).reduce((sum, batch) => sum + batch.prompts.length, 0);
  return { batchesDone, total: ScoreAccumulator.fromCheckpoint(graph, reader, prompts, context) };
}
