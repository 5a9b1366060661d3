/** @file The scores of one run, divided among processes: how many units there are, and one share of them. */
import { AutoCircuitError } from '../errors/error.js';
import type { CheckpointData } from '../plugin/checkpoint.js';
import type { PruneAlgoContext } from '../plugin/prune-algo.js';
import type { WorkShare } from '../plugin/work-share.js';
import { ablationText } from './ablations.js';
import { runAlgorithm } from './algorithm-run.js';
import { checkObjective } from './discover.js';
import type { DiscoverHooks } from './hooks.js';
import { checkPerPrompt, sharedPromptScores } from './prompt-score-keeper.js';
import { promptsOfRun } from './prompts-of-run.js';
import type { DiscoverRequest } from './request.js';
import { checkCircuitRun, patchDescription } from './run-circuits.js';

/** Constants that are trained would be trained anew by every process. */
export const TRAINED = 'optimal';

/**
 * How many units of work the scores of a request are made of; null where one process has to do it all.
 * @throws AutoCircuitError for prompts that cannot be used so, as `discover` does
 */
export function scoreUnits(request: DiscoverRequest): number | null {
  const { algo, algoOptions, model, ablation, perPrompt } = request;
  checkPerPrompt(request);
  // Shares are kept as sums, which hold no scores of single prompts.
  if (!algo.units || perPrompt || ablationText(ablation).startsWith(TRAINED)) return null;
  const { train } = promptsOfRun(request.prompts, model.graph, ablation, request);
  return algo.units({ graph: model.graph, batches: train }, algoOptions as never);
}

/** Which units, and where partial work is kept. */
export interface ScoreShareRequest extends Pick<WorkShare, 'start' | 'stop'>, Pick<PruneAlgoContext, 'checkpoint'> {}

/**
 * Does the units [start, stop) of a request's scores. With all of them as `DiscoverRequest.parts`, `discover` writes the same
 * bytes as without.
 * @throws AutoCircuitError what `discover` throws for the request, and `internal` where an algorithm keeps nothing
 */
export async function scoreShare(
  request: DiscoverRequest,
  { start, stop, checkpoint }: ScoreShareRequest,
  hooks: DiscoverHooks = {},
): Promise<CheckpointData> {
  checkCircuitRun(request, request.force ?? false);
  if (request.perPrompt) throw sharedPromptScores();
  const { model, algo, objective, seed } = request;
  const { signal } = hooks;
  const prompts = promptsOfRun(request.prompts, model.graph, request.ablation, request);
  checkObjective(objective, prompts);
  const patch = await patchDescription(model, request, prompts.train, { seed, signal });
  let kept: CheckpointData | null = null;
  const share: WorkShare = {
    start,
    stop,
    async keep(data) {
      kept = data;
    },
  };
  const work = { share, ...(checkpoint ? { checkpoint } : {}) };
  try {
    await runAlgorithm(request, hooks, prompts, patch, work);
  } finally {
    if (patch.kind === 'mean') patch.dispose();
  }
  signal?.throwIfAborted();
  if (kept) return kept;
  throw new AutoCircuitError({
    code: 'contract-broken',
    where: algo.name,
    what: `${algo.name} counts units of work, but kept nothing of its share`,
    expected: 'share.keep called once',
    kind: 'internal',
  });
}
