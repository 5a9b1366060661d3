/** @file One run of a request's algorithm: what it is given, and what its errors say; of all of its work or of a share. */
import type { PatchDescription } from '../patch/requests/ablations.js';
import { objectiveChosen } from '../plugin/objective.js';
import type { PruneAlgoContext } from '../plugin/prune-algo.js';
import type { DiscoverHooks } from './hooks.js';
import type { RunPrompts } from './prompts-of-run.js';
import type { DiscoverRequest } from './request.js';
import { withCheckpointPath } from './score-errors.js';

/**
 * Lets the algorithm score. `patch` stays the caller's.
 * @param work where partial work is kept, or which part of the work is done
 * @returns what the algorithm gives, unchecked
 * @throws AutoCircuitError what the algorithm throws; of partial work that does not fit with the file that holds it
 */
export async function runAlgorithm(
  {
    model,
    algo,
    algoOptions,
    objective,
    seed,
  }: Pick<DiscoverRequest, 'model' | 'algo' | 'algoOptions' | 'objective' | 'seed'>,
  { onProgress, onWarning, signal }: Pick<DiscoverHooks, 'onProgress' | 'onWarning' | 'signal'>,
  prompts: RunPrompts,
  patch: PatchDescription,
  work: Pick<PruneAlgoContext, 'byPrompt' | 'checkpoint' | 'share' | 'parts'>,
): Promise<unknown> {
  const context: PruneAlgoContext = {
    model,
    graph: model.graph,
    batches: prompts.train,
    objective: objectiveChosen(objective).objective,
    patch,
    seed,
    progress: { report: (done, total, unit) => onProgress?.('score', done, total, unit) },
    ...(onWarning ? { warn: onWarning } : {}),
    ...work,
    ...(signal ? { signal } : {}),
  };
  try {
    return await algo.score(context, algoOptions as never);
  } catch (error) {
    throw withCheckpointPath(error, work.checkpoint?.path);
  }
}
