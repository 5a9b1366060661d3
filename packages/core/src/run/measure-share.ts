/** @file The measurement of one run's circuits, divided among processes by test batches: whether it can be, and one process's part. */
import { ablationText } from './ablations.js';
import { isReadable, READ_FROM_OUTPUTS } from './circuit-reading.js';
import type { MeasuringShares } from './circuit-runs.js';
import { sizesToMeasure } from './circuits-to-measure.js';
import { measurerOf, scoresOf } from './discover.js';
import type { DiscoverHooks } from './hooks.js';
import { promptsOfRun } from './prompts-of-run.js';
import type { DiscoverRequest } from './request.js';
import { checkCircuitRun, checkMetrics, patchDescription } from './run-circuits.js';
import { TRAINED } from './shares.js';

/**
 * How many units the measurement of a request's circuits is made of: its test batches. Null where one process has to do it all:
 * whole outputs over a large vocabulary would be more to write and read than the runs are to do.
 * @throws AutoCircuitError for prompts that cannot be used so, as `discover` does
 */
export function measureUnits(request: DiscoverRequest): number | null {
  const { ablation, metrics, model } = request;
  if (ablationText(ablation).startsWith(TRAINED)) return null;
  const ofOutputs = metrics.flatMap(({ metric }) => (metric.kind === 'metric' ? [metric] : []));
  if (model.outputSize >= READ_FROM_OUTPUTS && !isReadable(model, ofOutputs)) return null;
  return promptsOfRun(request.prompts, model.graph, ablation, request).test.length;
}

/**
 * Does one process's part in measuring a request's circuits. Every process goes through the same circuits, of which a search
 * chooses some by what came of others; with the same shares as `DiscoverRequest.measuring`, `discover` finds it all done.
 * @param request with the parts of its scores
 * @throws AutoCircuitError what `discover` throws
 */
export async function measureShare(
  request: DiscoverRequest,
  shares: MeasuringShares,
  hooks: DiscoverHooks = {},
): Promise<void> {
  checkCircuitRun(request, request.force ?? false);
  const { keep, model, seed, sizes } = request;
  const prompts = promptsOfRun(request.prompts, model.graph, request.ablation, request);
  checkMetrics(request.metrics, prompts.test, request.known ?? null);
  const patch = await patchDescription(model, request, prompts.train, { seed, signal: hooks.signal });
  try {
    const scored = await scoresOf(request, hooks, prompts, patch, null);
    const plan = sizesToMeasure(model.graph, scored, sizes, request, keep === 'auto' ? undefined : keep);
    const measurer = measurerOf({ ...request, measuring: shares }, hooks, prompts, patch, null);
    await measurer.measure(plan, { ...scored, known: request.known ?? null });
  } finally {
    if (patch.kind === 'mean') patch.dispose();
  }
}
