/** @file What all gradient scores share: ∂M/∂mask for each prompt at one or several points, averaged over points, then over prompts. */
import {
  type BackwardRule,
  type MaskGradientRequest,
  type Objective,
  objectiveByBatch,
  type PromptGradients,
  type PruneAlgoContext,
} from '@auto-circuit/core/plugin';
import { type PointScores, type PromptMeans, promptMeans } from '../shared/prompt-means.js';

/** Where a gradient is taken: at a mask value, at an interpolated input, or with one source block's output interpolated. */
export interface GradientPoint extends Pick<MaskGradientRequest, 'mask' | 'inputAlpha' | 'mixed'> {
  /** Makes the point's share of each prompt's scores; default all of it. */
  readonly share?: (gradients: PromptGradients) => PointScores;
}
/** Where gradients are taken, of what, and how they are changed. */
export interface GradientScoresRequest {
  /** The algorithm's name and what else sets its work apart (its options). */
  readonly key: readonly unknown[];
  readonly objective: Objective;
  readonly points: readonly GradientPoint[];
  /** What gradients do differently; default nothing. */
  readonly backward?: readonly BackwardRule[];
  /** Whether `share` needs the scores of what nodes write. */
  readonly neurons?: boolean;
}

/**
 * Scores of the clean run with the run's patch: each prompt's mean over `points`, then the mean over prompts, with
 * standard errors over prompts. Batches that are done are kept in the checkpoint.
 */
export function gradientScores(
  context: PruneAlgoContext,
  { key, objective, points, backward, neurons = false }: GradientScoresRequest,
): Promise<PromptMeans> {
  const { batches, model, patch } = context;
  const objectives = objectiveByBatch(objective, batches);
  const between = new Map<GradientPoint, PromptGradients>(); // made with the point before, in one run
  if (isFlat(objective, points)) context.warn?.(flatWarning(`${key[0]}`));
  return promptMeans(context, {
    key,
    points,
    unit: 'gradients',
    async at(batch, b, point) {
      const { share, inputAlpha, ...rest } = point;
      const rules = backward ? { backward } : {};
      const request = { input: 'clean', patch, objective: objectives[b]!, neurons, ...rules, ...rest } as const;
      if (inputAlpha !== undefined && !between.has(point)) {
        const from = points.indexOf(point);
        const together = points.slice(from, from + model.runsAtOnce(batch)); // all points are of one kind
        const gradients = await model.gradientsBetween(
          batch,
          request,
          together.map((other) => other.inputAlpha!),
        );
        together.forEach((other, i) => between.set(other, gradients[i]!));
      }
      const gradients = between.get(point) ?? (await model.maskGradient(batch, request));
      between.delete(point);
      return share ? share(gradients) : gradients;
    },
  });
}

/** KL from the clean output has its minimum on the clean run, so that there every gradient is 0. */
function isFlat(objective: Objective, points: readonly GradientPoint[]): boolean {
  if (objective.kind !== 'kl' || objective.referenceLogits) return false;
  return points.every(({ mask = 0, inputAlpha = 1, mixed }) => mask === 0 && inputAlpha === 1 && !mixed);
}

const flatWarning = (algo: string): string =>
  `${algo} takes its gradient on the clean run, where KL from the clean output is at its minimum: every score is 0 but for rounding; choose another --objective (logit-diff, …) or an algorithm that leaves the clean run (eap-ig-inputs, integrated-edge-gradients)`;
