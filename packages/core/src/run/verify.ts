/** @file Recomputes the numbers of a finished run with another backend, and compares them. */

import type { BackendInfo } from '../backend/backend.js';
import { edgeSelection } from '../graph/edge-ranking.js';
import { edgeAt } from '../graph/edges.js';
import { flattenScores } from '../graph/score-index.js';
import { importances } from '../graph/scores.js';
import type { Graph, PruneScores } from '../graph/types.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import type { Checkpoint } from '../plugin/checkpoint.js';
import type { KnownEdges } from '../plugin/score-metric.js';
import type { Prompt } from '../prompts/types.js';
import type { ReportInput } from '../run-folder/report-input.js';
import { fromJsonNumber, type Measurement, toJsonNumber } from '../run-folder/schemas.js';
import type { Verification } from '../run-folder/verification-file.js';
import type { SelectionSettings } from './circuits-to-measure.js';
import { scoresOf } from './discover.js';
import { evaluate } from './evaluate.js';
import type { DiscoverHooks } from './hooks.js';
import { promptsOfRun, type RunPromptSettings } from './prompts-of-run.js';
import type { DiscoverRequest } from './request.js';
import { type ChosenMetric, patchDescription } from './run-circuits.js';
import type { ScoredEdges } from './scored-edges.js';

/**
 * Backends compute in float32 (the interpreter in float64) and add in different orders. One rounding is 6e-8 of a value; a
 * sum over some hundred or thousand terms, through the layers and back, loses two to three digits more: about 1e-5 of the
 * largest score. Ten times that is agreement; a wrong operation or other settings show as 1e-2 and more.
 */
export const VERIFY_TOLERANCE = 1e-4;

/** A finished run, and the same model on another backend. */
export interface VerifyRequest
  extends SelectionSettings,
    RunPromptSettings,
    Pick<DiscoverRequest, 'algo' | 'algoOptions' | 'objective'> {
  /** The run's model and graph on the other backend. */
  readonly model: PatchableModel;
  readonly prompts: readonly Prompt[];
  /** The metrics of `before.measurements`. */
  readonly metrics: readonly ChosenMetric[];
  readonly backend: BackendInfo;
  /** The task's known circuit, for metrics that compare with it. */
  readonly known?: KnownEdges | null;
  /** The run's constants of optimal ablation; without it they are trained anew. */
  readonly constants?: Checkpoint | undefined;
  /** The run as its files have it. */
  readonly before: Pick<ReportInput, 'run' | 'scores' | 'standardErrors' | 'circuit' | 'measurements'>;
}
/** How the work is followed and stopped. */
export type VerifyHooks = Pick<DiscoverHooks, 'onProgress' | 'signal'>;

/**
 * Scores the edges again, and measures the circuits that the run's own scores give. (Circuits of the new scores might differ
 * in edges of nearly equal scores; that is compared apart, so that it does not hide how the metrics agree.)
 * @throws AutoCircuitError like `discover`
 */
export async function verifyRun(request: VerifyRequest, hooks: VerifyHooks = {}): Promise<Verification> {
  const { model, before, backend } = request;
  const { graph } = model;
  const scoredAgain = await scoresAgain(request, hooks);
  const { scores } = scoredAgain;
  const edges = [...new Set(before.measurements.flatMap(({ points }) => points.map((point) => point.edges)))].sort(
    (a, b) => a - b,
  );
  const after = await evaluate(
    {
      ...request,
      force: true, // what the run was allowed, its repetition is
      rankBy: before.run.asked.rankBy,
      target: {
        kind: 'scores',
        scores: before.scores,
        standardErrors: before.standardErrors,
        sizes: { by: 'list', counts: edges },
      },
    },
    {
      onProgress: (done, total) => hooks.onProgress?.('measure', done, total, 'circuits'),
      ...(hooks.signal ? { signal: hooks.signal } : {}),
    },
  );
  const compared = {
    scores: compareScores(graph, before.scores, scores),
    circuit: compareCircuit(graph, before.circuit.edges, scoredAgain, {
      ...(request.select === undefined ? {} : { select: request.select }),
      rankBy: before.run.asked.rankBy,
    }),
    measurements: before.measurements.map((measurement) =>
      compareMeasurement(
        measurement,
        after.find(({ metric }) => metric === measurement.metric),
      ),
    ),
  };
  const { name, device, threads } = before.run.asked.backend;
  const parts = [compared.scores, compared.circuit, ...compared.measurements];
  return Object.freeze({
    format: 'auto-circuit verification 1',
    agrees: parts.every(({ agrees }) => agrees),
    backend: { name: backend.backend, device: backend.device, threads: backend.threads, runtime: backend.runtime },
    against: { name, device, threads, runtime: before.run.runtime },
    ...compared,
  });
}

async function scoresAgain(request: VerifyRequest, hooks: VerifyHooks) {
  const { model, ablation } = request;
  const prompts = promptsOfRun(request.prompts, model.graph, ablation, request);
  const { seed, constants } = request;
  const patch = await patchDescription(model, request, prompts.train, {
    seed,
    checkpoint: constants,
    signal: hooks.signal,
  });
  try {
    return await scoresOf(request, hooks, prompts, patch, null);
  } finally {
    if (patch.kind === 'mean') patch.dispose();
  }
}

/** 0 for equal values, ∞ with ∞ too; ∞ where only one of them is finite. */
const difference = (a: number, b: number): number => (a === b ? 0 : Math.abs(a - b));
const largestFinite = (values: Iterable<number>): number => {
  let largest = 0;
  for (const value of values) if (Number.isFinite(value)) largest = Math.max(largest, Math.abs(value));
  return largest;
};

/** How far two sets of scores are apart, edge by edge. */
export function compareScores(graph: Graph, before: PruneScores, after: PruneScores): Verification['scores'] {
  const [a, b] = [flattenScores(graph, before), flattenScores(graph, after)];
  let [most, where] = [0, -1];
  a.forEach((score, number) => {
    const here = difference(score, b[number]!);
    if (here > most) [most, where] = [here, number];
  });
  const largest = largestFinite(a);
  const relative = most === 0 ? 0 : most / largest;
  return {
    difference: toJsonNumber(most, 'the difference of scores'),
    edge: where < 0 ? null : edgeAt(graph, where).name,
    largest,
    relative: toJsonNumber(relative, 'the relative difference of scores'),
    tolerance: VERIFY_TOLERANCE,
    agrees: relative <= VERIFY_TOLERANCE,
  };
}

/**
 * @param kept canonical numbers of the run's circuit. An edge in one circuit only is explained by rounding when its new
 * |score| is within two tolerances of the smallest one that is kept: it and the limit may each be off by one.
 */
export function compareCircuit(
  graph: Graph,
  kept: readonly number[],
  after: ScoredEdges,
  { select = 'threshold', rankBy = 'absolute' }: Pick<SelectionSettings, 'select' | 'rankBy'> = {},
): Verification['circuit'] {
  const { scores, standardErrors } = after;
  const again = edgeSelection(graph, scores, select, { rankBy, standardErrors }).edges(kept.length);
  const [before, now] = [new Set(kept), new Set(again)];
  const both = kept.filter((number) => now.has(number)).length;
  const apart = [...kept.filter((number) => !now.has(number)), ...again.filter((number) => !before.has(number))];
  const flat = importances(graph, scores, rankBy);
  const slack = 2 * VERIFY_TOLERANCE * largestFinite(flat);
  const limit = again.reduce((least, number) => Math.min(least, flat[number]!), Number.POSITIVE_INFINITY);
  const near = (a: number, b: number): boolean => difference(flat[a]!, flat[b]!) <= slack;
  // A greedy circuit (or a plugin's) has no one limit: there an edge is explained by one of the other circuit that it may have changed places with.
  const explained = (number: number): boolean =>
    select !== 'threshold' && select !== 'top'
      ? apart.some((other) => now.has(other) !== now.has(number) && near(number, other))
      : difference(flat[number]!, limit) <= slack;
  const unexplained = apart.filter((number) => !explained(number)).length;
  return {
    edges: kept.length,
    both,
    either: kept.length + again.length - both,
    unexplained,
    agrees: unexplained === 0,
  };
}

/** Values are sums and means of logits and their like, of size 1 and more; a smaller one has the rounding of those. */
export function compareMeasurement(
  before: Measurement,
  after: Measurement | undefined,
): Verification['measurements'][number] {
  const { metric, unit } = before;
  const valueAt = new Map(after?.points.map(({ edges, value }) => [edges, value]));
  const values = [
    { at: 'model' as const, first: before.model, second: after?.model },
    { at: 'empty' as const, first: before.empty, second: after?.empty },
    ...before.points.map(({ edges, value }) => ({ at: edges, first: value, second: valueAt.get(edges) })),
  ].map(({ at, first, second }) => {
    const [a, b] = [fromJsonNumber(first), second === undefined ? Number.NaN : fromJsonNumber(second)];
    // A size that the scores in the folder do not give cannot have been measured with them.
    return { at, size: a, difference: Number.isNaN(b) ? Number.POSITIVE_INFINITY : difference(a, b) };
  });
  const worst = values.reduce((most, value) => (value.difference > most.difference ? value : most));
  const tolerance = VERIFY_TOLERANCE * Math.max(1, largestFinite(values.map(({ size }) => size)));
  return {
    metric,
    unit,
    difference: toJsonNumber(worst.difference, `the difference of ${metric}`),
    at: worst.at,
    tolerance,
    agrees: worst.difference <= tolerance,
  };
}
