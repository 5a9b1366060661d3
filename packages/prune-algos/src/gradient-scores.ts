/** @file What all gradient scores share: ∂M/∂mask for each prompt at one or several points, averaged over points, then over prompts. */
import {
  type BackwardRule,
  type MaskGradientRequest,
  type Objective,
  objectiveByBatch,
  PointAccumulator,
  type PromptGradients,
  type PromptScores,
  type PruneAlgoContext,
  type PruneResult,
  ScoreAccumulator,
} from '@auto-circuit/core';
import { batchesKey, resumableWork } from './resume.js';

/** Where a gradient is taken: at a mask value, at an interpolated input, or with one source block's output interpolated. */
export interface GradientPoint extends Pick<MaskGradientRequest, 'mask' | 'inputAlpha' | 'mixed'> {
  /** Makes the point's share of each prompt's scores; default all of it. */
  readonly share?: (gradients: PromptGradients) => PromptScores;
}
export interface GradientScoresRequest {
  /** The algorithm's name and what else sets its work apart (its options). */
  readonly key: readonly unknown[];
  readonly objective: Objective;
  readonly points: readonly GradientPoint[];
  /** What gradients do differently; default nothing. */
  readonly backward?: readonly BackwardRule[];
}

/**
 * Scores of the clean run with the run's patch: each prompt's mean over `points`, then the mean over prompts, with
 * standard errors over prompts. Sums are in float64 in prompt order. Batches that are done are kept in the checkpoint.
 */
export async function gradientScores(
  context: PruneAlgoContext,
  { key, objective, points, backward }: GradientScoresRequest,
): Promise<PruneResult> {
  const { batches, graph, model, patch } = context;
  const objectives = objectiveByBatch(objective, batches);
  if (isFlat(objective, points)) context.warn?.(flatWarning(`${key[0]}`));
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
    const gradientsAt = async ({ share, ...point }: GradientPoint): Promise<PromptScores> => {
      const rules = backward ? { backward } : {};
      const request = { input: 'clean', patch, objective: objectives[b]!, ...rules, ...point } as const;
      const gradients = await model.maskGradient(batch, request);
      return share ? share(gradients) : gradients;
    };
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

/** KL from the clean output has its minimum on the clean run, so that there every gradient is 0. */
function isFlat(objective: Objective, points: readonly GradientPoint[]): boolean {
  if (objective.kind !== 'kl' || objective.referenceLogits) return false;
  return points.every(({ mask = 0, inputAlpha = 1, mixed }) => mask === 0 && inputAlpha === 1 && !mixed);
}

const flatWarning = (algo: string): string =>
  `${algo} takes its gradient on the clean run, where KL from the clean output is at its minimum: every score is 0 but for rounding; choose another --objective (logit-diff, …) or an algorithm that leaves the clean run (eap-ig-inputs, integrated-edge-gradients)`;
