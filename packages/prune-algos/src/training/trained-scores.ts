/** @file Training to the end, with the checkpoint of the run, for the algorithms that train masks. */
import type { PruneAlgoContext, PruneResult, PruneScores, Trainer } from '@auto-circuit/core/plugin';
import { batchesKey } from '../shared/batches-key.js';

/**
 * Trains to the end, from where a stopped run had come to, and gives the scores and curves.
 * @param name the algorithm's, and `options` its options: a checkpoint of others is refused
 */
export async function trainedScores(
  context: PruneAlgoContext,
  name: string,
  options: unknown,
  training: Trainer & { scores(): PruneScores },
): Promise<PruneResult> {
  const { seed, graph } = context;
  await training.train(context, { key: [name, options, seed, graph.edgeCount, batchesKey(context)] });
  return { scores: training.scores(), curves: { ...training.curves } };
}
