/** @file Scores that are means over prompts, made batch by batch and point by point; finished batches are in the checkpoint. */
import {
  CheckpointReader,
  PointAccumulator,
  type PromptBatch,
  type PromptScores,
  type PruneAlgoContext,
  resumableWork,
} from '@auto-circuit/core/plugin';
import { added, meansOfParts, type PromptMeans, startOf } from './batch-sums.js';
import { batchesKey } from './batches-key.js';

/** Scores of each prompt of a batch, and other numbers that are wanted as a mean over prompts. */
export interface PointScores extends PromptScores {
  /** Summed over the batch's prompts; always there and of one length, or never. */
  readonly sums?: Float64Array;
}
/** What to take the mean of. */
export interface PromptMeansRequest<Point> {
  /** The algorithm's name and what else sets its work apart (its options). */
  readonly key: readonly unknown[];
  /** What a prompt's scores are the mean over; at least one. */
  readonly points: readonly Point[];
  /** How many numbers the `sums` of a point are; default: there are none. */
  readonly sums?: number | undefined;
  /** What one point of one batch is called in progress lines. */
  readonly unit: string;
  /** The scores of each prompt of a batch at a point. */
  at(batch: PromptBatch, index: number, point: Point): Promise<PointScores>;
}

/**
 * Each prompt's mean over points, then the mean over prompts with standard errors. Sums are in float64 in prompt order.
 * Batches that are done are kept in the checkpoint; batches are the units of a share.
 * @throws AutoCircuitError `wrong-checkpoint` when what was saved is other work, or damaged
 */
export async function promptMeans<Point>(
  context: PruneAlgoContext,
  { key, points, sums: width = 0, unit, at }: PromptMeansRequest<Point>,
): Promise<PromptMeans> {
  const { batches, graph } = context;
  if (context.parts) return meansOfParts(context, context.parts, width);
  const { start, stop } = context.share ?? { start: 0, stop: batches.length };
  const sums = startOf(context);
  let batchesDone = start;
  const work = await resumableWork(context, {
    where: `${key[0]}`,
    key: [...key, points.length, graph.edgeCount, batchesKey(context), ...(context.share ? [start, stop] : [])],
    total: (stop - start) * points.length,
    unit,
    state() {
      const { state, arrays } = sums.toCheckpoint();
      return { state: { ...state, batchesDone }, arrays };
    },
  });
  if (work.saved) {
    const reader = new CheckpointReader(`${key[0]}`, work.saved);
    batchesDone = reader.count('batchesDone', stop, start);
    sums.restore(reader, batchesDone, width);
    reader.finish();
  }
  for (let b = batchesDone; b < stop; b++) {
    const batch = batches[b]!;
    let ofBatch: Float64Array = new Float64Array(0); // held back until the batch is done, since a resumed run begins the batch anew
    if (points.length === 1) {
      const scores = await at(batch, b, points[0]!);
      sums.add(scores, added(ofBatch, scores.sums, 1)); // without the copy in float64 that a mean over points needs
    } else {
      const atPoints = new PointAccumulator(graph);
      for (const [p, point] of points.entries()) {
        const scores = await at(batch, b, point);
        atPoints.add(scores);
        ofBatch = added(ofBatch, scores.sums, points.length);
        if (p < points.length - 1) await work.step((b - start) * points.length + p + 1);
      }
      sums.add(atPoints.mean(), ofBatch); // a prompt's mean over points
    }
    batchesDone = b + 1;
    await work.step((batchesDone - start) * points.length);
  }
  return sums.result();
}
