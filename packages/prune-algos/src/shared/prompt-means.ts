/** @file Scores that are means over prompts, made batch by batch and point by point; finished batches are in the checkpoint. */
import {
  CheckpointReader,
  PointAccumulator,
  type PromptBatch,
  type PromptScores,
  type PruneAlgoContext,
  type PruneResult,
  resumableWork,
  ScoreAccumulator,
} from '@auto-circuit/core/plugin';
import { batchesKey } from './batches-key.js';
import { finishedBatches } from './finished-batches.js';

/** Scores of each prompt of a batch, and other numbers that are wanted as a mean over prompts. */
export interface PointScores extends PromptScores {
  /** Summed over the batch's prompts; always there and of one length, or never. */
  readonly sums?: Float64Array;
}
/** Scores as means over prompts, with their standard errors. */
export interface PromptMeans extends PruneResult {
  /** Means over prompts of what `sums` held. */
  readonly means?: Float64Array;
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
 * Batches that are done are kept in the checkpoint.
 * @throws AutoCircuitError `wrong-checkpoint` when what was saved is other work, or damaged
 */
export async function promptMeans<Point>(
  context: PruneAlgoContext,
  { key, points, sums: width = 0, unit, at }: PromptMeansRequest<Point>,
): Promise<PromptMeans> {
  const { batches, graph } = context;
  let total = new ScoreAccumulator(graph);
  let sums: Float64Array = new Float64Array(0);
  let batchesDone = 0;
  const work = await resumableWork(context, {
    where: `${key[0]}`,
    key: [...key, points.length, graph.edgeCount, batchesKey(context)],
    total: batches.length * points.length,
    unit,
    state() {
      const { state, arrays } = total.toCheckpoint();
      return { state: { ...state, batchesDone }, arrays: { ...arrays, means: sums.slice() } };
    },
  });
  if (work.saved) {
    const reader = new CheckpointReader(`${key[0]}`, work.saved);
    ({ total, batchesDone } = finishedBatches(reader, graph, batches));
    sums = reader.array('means', { length: batchesDone === 0 ? 0 : width }).slice();
    reader.finish();
  }
  for (const [b, batch] of batches.entries()) {
    if (b < batchesDone) continue;
    let ofBatch: Float64Array = new Float64Array(0); // held back until the batch is done, since a resumed run begins the batch anew
    if (points.length === 1) {
      const scores = await at(batch, b, points[0]!);
      total.add(scores); // without the copy in float64 that a mean over points needs
      ofBatch = added(ofBatch, scores.sums, 1);
    } else {
      const atPoints = new PointAccumulator(graph);
      for (const [p, point] of points.entries()) {
        const scores = await at(batch, b, point);
        atPoints.add(scores);
        ofBatch = added(ofBatch, scores.sums, points.length);
        if (p < points.length - 1) await work.step(b * points.length + p + 1);
      }
      total.add(atPoints.mean()); // a prompt's mean over points
    }
    sums = added(sums, ofBatch, 1);
    batchesDone = b + 1;
    await work.step(batchesDone * points.length);
  }
  const result = total.result();
  return sums.length === 0 ? result : { ...result, means: sums.map((sum) => sum / total.prompts) };
}

/** sums + more / count, in place where there is something. */
function added(sums: Float64Array, more: Float64Array | undefined, count: number): Float64Array {
  if (!more || more.length === 0) return sums;
  const into = sums.length === 0 ? new Float64Array(more.length) : sums;
  for (let i = 0; i < into.length; i++) into[i]! += more[i]! / count;
  return into;
}
