/** @file Measures circuits that are there already: more metrics or sizes for the scores of a run, or one circuit from a file. */

import type { Circuit, PruneScores } from '../graph/types.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import type { Checkpoint } from '../plugin/checkpoint.js';
import type { KnownEdges } from '../plugin/score-metric.js';
import type { Prompt } from '../prompts/types.js';
import type { CircuitSizes, MeasuredPoint, Measurement } from '../run-folder/schemas.js';
import {
  knownCircuit,
  type SelectionSettings,
  type SizePlan,
  sizesToMeasure,
  tiesWarning,
} from './circuits-to-measure.js';
import { SizeMeasurer } from './measure-circuits.js';
import { promptsOfRun, type RunPromptSettings } from './prompts-of-run.js';
import { type ChosenMetric, checkCircuitRun, checkMetrics, patchDescription } from './run-circuits.js';

/** Which circuits to measure, on which prompts, by which metrics. */
export interface EvaluateRequest extends SelectionSettings, RunPromptSettings {
  readonly model: PatchableModel;
  /** All prompts; means are taken over the training part, circuits measured on the test part, as `discover` splits them. */
  readonly prompts: readonly Prompt[];
  readonly metrics: readonly ChosenMetric[];
  readonly target:
    | {
        readonly kind: 'scores';
        readonly scores: PruneScores;
        readonly standardErrors?: PruneScores | undefined;
        readonly sizes: CircuitSizes;
      }
    | { readonly kind: 'circuit'; readonly circuit: Circuit }
    /** Each gets a point, in this order, equal ones too. */
    | { readonly kind: 'circuits'; readonly circuits: readonly Circuit[] };
  readonly force?: boolean;
  /** The task's known circuit, for metrics that compare with it. */
  readonly known?: KnownEdges | null;
  /** Where constants of optimal ablation are kept; without it they are trained anew, to the same. */
  readonly constants?: Checkpoint | undefined;
}
/** How the work is followed and stopped. */
export interface EvaluateHooks {
  readonly onProgress?: (done: number, total: number) => void;
  readonly onWarning?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** One measurement for each metric, points by rising size (of `circuits`: in their order). @throws AutoCircuitError like `discover` */
export async function evaluate(request: EvaluateRequest, hooks: EvaluateHooks = {}): Promise<readonly Measurement[]> {
  checkCircuitRun(request, request.force ?? false);
  const { model, metrics, target } = request;
  const prompts = promptsOfRun(request.prompts, model.graph, request.ablation, request);
  checkMetrics(metrics, prompts.test, request.known ?? null);
  const plan = planOf(request);
  const scored = target.kind === 'scores' ? { ...target, known: request.known ?? null } : null;
  const patch = await patchDescription(model, request, prompts.train, {
    seed: request.seed,
    checkpoint: request.constants,
    signal: hooks.signal,
    onProgress: hooks.onProgress,
  });
  try {
    const measurer = new SizeMeasurer({
      model,
      batches: prompts.test,
      settings: request,
      patch,
      metrics,
      needFaithfulness: false,
      seed: request.seed,
      signal: hooks.signal,
      onProgress: hooks.onProgress,
    });
    const { circuits, measurements } = await measurer.measure(plan, scored);
    const ties = tiesWarning(circuits);
    if (ties) hooks.onWarning?.(ties);
    return measurements;
  } finally {
    if (patch.kind === 'mean') patch.dispose();
  }
}

function planOf(request: EvaluateRequest): SizePlan {
  const { model, target } = request;
  if (target.kind === 'scores') return sizesToMeasure(model.graph, target, target.sizes, request);
  const circuits = target.kind === 'circuit' ? [target.circuit] : target.circuits;
  return { first: circuits.map((circuit) => knownCircuit(circuit, request)) };
}

/**
 * Measurements with others added: metrics after those that are there, points by size. Where both have a point, the first
 * one stays, and a size keeps what was first requested for it.
 */
export function mergeMeasurements(first: readonly Measurement[], added: readonly Measurement[]): Measurement[] {
  const requested = new Map<number, number | null>();
  for (const point of [...first, ...added].flatMap(({ points }) => points)) {
    if (!requested.has(point.edges)) requested.set(point.edges, point.requested);
  }
  const names = [...new Set([...first, ...added].map(({ metric }) => metric))];
  return names.map((name) => {
    const both = [...first, ...added].filter(({ metric }) => metric === name);
    const points = new Map<number, MeasuredPoint>();
    for (const point of both.flatMap((measurement) => measurement.points)) {
      if (!points.has(point.edges)) points.set(point.edges, { ...point, requested: requested.get(point.edges)! });
    }
    return { ...both[0]!, points: [...points.values()].sort((a, b) => a.edges - b.edges) };
  });
}

/** The sizes of `sizes` at which a metric has no point yet. */
export function sizesLeft(
  measurements: readonly Measurement[],
  metrics: readonly string[],
  sizes: readonly number[],
): number[] {
  const has = (metric: string, size: number): boolean =>
    measurements.some(
      (m) => m.metric === metric && m.points.some(({ edges, requested }) => edges === size || requested === size),
    );
  return sizes.filter((size) => !metrics.every((metric) => has(metric, size)));
}
