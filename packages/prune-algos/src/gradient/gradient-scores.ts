/** @file What all gradient scores share: ∂M/∂mask for each prompt at one or several points, averaged over points, then over prompts. */
import {
  type BackwardOverride,
  type MaskGradientRequest,
  type Objective,
  objectiveByBatch,
  type PatchableModel,
  type PromptGradients,
  type PruneAlgoContext,
} from '@auto-circuit/core/plugin';
import type { PromptMeans } from '../shared/batch-sums.js';
import { type PointScores, promptMeans } from '../shared/prompt-means.js';

/** Where a gradient is taken (default: the clean run), and what of it counts. */
export interface GradientPoint extends Pick<MaskGradientRequest, 'at'> {
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
  readonly backward?: readonly BackwardOverride[];
  /** How many numbers the `sums` of a `share` are; default: there are none. */
  readonly sums?: number;
  /** Whether `share` needs the scores of what nodes write. */
  readonly neurons?: boolean;
}

/**
 * Scores of the clean run with the run's patch: each prompt's mean over `points`, then the mean over prompts, with
 * standard errors over prompts. Batches that are done are kept in the checkpoint.
 */
export function gradientScores(
  context: PruneAlgoContext,
  { key, objective, points, backward, sums, neurons = false }: GradientScoresRequest,
): Promise<PromptMeans> {
  const { batches, model, patch } = context;
  const objectives = objectiveByBatch(objective, batches);
  warnWhereFlat(context, `${key[0]}`, objective, points);
  const alphas = points.flatMap(({ at }) => (at?.kind === 'input' ? [at.alpha] : []));
  const firstBetween = points.find(({ at }) => at?.kind === 'input');
  let between: AsyncIterator<PromptGradients, undefined> | null = null;
  return promptMeans(context, {
    key,
    points,
    sums,
    unit: 'gradients',
    async at(batch, b, point) {
      const { share, at } = point;
      const rules = backward ? { backward } : {};
      const request = { input: 'clean', patch, objective: objectives[b]!, neurons, ...rules } as const;
      // Points come in order, batch by batch: those between the two inputs are handed over as one list.
      if (point === firstBetween) between = model.gradientsBetween(batch, request, alphas)[Symbol.asyncIterator]();
      const next = at?.kind === 'input' ? (await between!.next()).value : undefined;
      const gradients = next ?? (await model.maskGradient(batch, at ? { ...request, at } : request));
      return share ? share(gradients) : gradients;
    },
  });
}

/** Of a method's rules, those for values that the model has: one without gated MLPs has no gates. */
export const rulesThatHold = (
  { roles }: Pick<PatchableModel, 'roles'>,
  rules: readonly BackwardOverride[],
): readonly BackwardOverride[] =>
  rules.filter(({ role }) => roles.some((own) => own === role || own.endsWith(`.${role}`)));

/** Warns where all gradients are taken at the minimum of the objective. */
export function warnWhereFlat(
  { warn }: Pick<PruneAlgoContext, 'warn'>,
  algo: string,
  objective: Objective,
  points: readonly GradientPoint[],
): void {
  if (isFlat(objective, points)) warn?.(flatWarning(algo));
}

/** KL from the clean output has its minimum on the clean run, so that there every gradient is 0. */
function isFlat(objective: Objective, points: readonly GradientPoint[]): boolean {
  if (objective.kind !== 'kl' || objective.referenceLogits) return false;
  return points.every(
    ({ at }) => !at || (at.kind === 'mask' && at.mask === 0) || (at.kind === 'input' && at.alpha === 1),
  );
}

const flatWarning = (algo: string): string =>
  `${algo} takes its gradient on the clean run, where KL from the clean output is at its minimum: every score is 0 except for rounding; choose another objective (logit-diff, …) or an algorithm that leaves the clean run (eap-ig-inputs, integrated-edge-gradients)`;
