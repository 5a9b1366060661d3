/** @file What all gradient scores share: ∂M/∂mask for each prompt at one or several points, averaged over points, then over prompts. */
import {
  type MaskGradientRequest,
  type Objective,
  objectiveByBatch,
  PointAccumulator,
  type PromptGradients,
  type PruneAlgoContext,
  type PruneResult,
  ScoreAccumulator,
} from '@auto-circuit/core';
import { batchesKey, resumableWork } from './resume.js';

/** Where a gradient is taken: at a mask value, or at an interpolated input. */
export type GradientPoint = Pick<MaskGradientRequest, 'mask' | 'inputAlpha'>;

/**
 * Scores of the clean run with the run's patch: each prompt's mean over `points`, then the mean over prompts, with
 * standard errors over prompts. Sums are in float64 in prompt order. Batches that are done are kept in the checkpoint.
 *
 * @param key the algorithm's name and what else sets its work apart (its options)
 */
export async function gradientScores(
  context: PruneAlgoContext,
  { key, objective, points }: { key: readonly unknown[]; objective: Objective; points: readonly GradientPoint[] },
): Promise<PruneResult> {
  const { batches, graph, model, patch } = context;
  const objectives = objectiveByBatch(objective, batches);
  let total = new ScoreAccumulator(graph);
  let batchesDone = 0;
  const work = await resumableWork(context, {
    key: [...key, points.length, graph.edgeCount, batchesKey(context)],
    total: batches.length * points.length,
    unit: 'gradients',
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
    const gradientsAt = (point: GradientPoint): Promise<PromptGradients> =>
      model.maskGradient(batch, { input: 'clean', patch, objective: objectives[b]!, ...point });
    if (points.length === 1) {
      total.add(await gradientsAt(points[0]!)); // without the copy in float64 that a mean over points needs
    } else {
      const atPoints = new PointAccumulator(graph);
      for (const [p, point] of points.entries()) {
        atPoints.add(await gradientsAt(point));
        if (p < points.length - 1) await work.step(b * points.length + p + 1);
      }
      total.add(atPoints.mean()); // a prompt's mean over points
    }
    batchesDone = b + 1;
    await work.step(batchesDone * points.length);
  }
  return total.result();
}
