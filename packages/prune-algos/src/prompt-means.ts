/** @file What scores that are means over prompts share: batch by batch, point by point, kept in the checkpoint. */
import {
  PointAccumulator,
  type PromptBatch,
  type PromptScores,
  type PruneAlgoContext,
  type PruneResult,
  ScoreAccumulator,
} from '@auto-circuit/core';
import { batchesKey, resumableWork } from './resume.js';

export interface PromptMeansRequest<Point> {
  /** The algorithm's name and what else sets its work apart (its options). */
  readonly key: readonly unknown[];
  /** What a prompt's scores are the mean over; at least one. */
  readonly points: readonly Point[];
  /** What one point of one batch is called in progress lines. */
  readonly unit: string;
  /** The scores of each prompt of a batch at a point. */
  at(batch: PromptBatch, index: number, point: Point): Promise<PromptScores>;
}

/**
 * Each prompt's mean over points, then the mean over prompts with standard errors. Sums are in float64 in prompt order.
 * Batches that are done are kept in the checkpoint.
 */
export async function promptMeans<Point>(
  context: PruneAlgoContext,
  { key, points, unit, at }: PromptMeansRequest<Point>,
): Promise<PruneResult> {
  const { batches, graph } = context;
  let total = new ScoreAccumulator(graph);
  let batchesDone = 0;
  const work = await resumableWork(context, {
    key: [...key, points.length, graph.edgeCount, batchesKey(context)],
    total: batches.length * points.length,
    unit,
    state() {
      const { state, arrays } = total.toCheckpoint();
      return { state: { ...state, batchesDone }, arrays };
    },
  });
  if (work.saved) {
    total = ScoreAccumulator.fromCheckpoint(graph, work.saved);
    batchesDone = Number(work.saved.state.batchesDone);
  }
  for (const [b, batch] of batches.entries()) {
    if (b < batchesDone) continue;
    if (points.length === 1) {
      total.add(await at(batch, b, points[0]!)); // without the copy in float64 that a mean over points needs
    } else {
      const atPoints = new PointAccumulator(graph);
      for (const [p, point] of points.entries()) {
        atPoints.add(await at(batch, b, point));
        if (p < points.length - 1) await work.step(b * points.length + p + 1);
      }
      total.add(atPoints.mean()); // a prompt's mean over points
    }
    batchesDone = b + 1;
    await work.step(batchesDone * points.length);
  }
  return total.result();
}
