/**
 * @file Runs circuits and measures them. A tree patch runs the clean prompts with every edge outside the circuit patched;
 * an edge patch runs the corrupt prompts with the circuit's edges patched from the clean ones.
 */

import { AutoCircuitError } from '../errors/error.js';
import { calledMember, pluginFailed, shown } from '../errors/plugin-failed.js';
import { maskFromEdges } from '../graph/circuit.js';
import type { Circuit } from '../graph/types.js';
import type { OutputReadings } from '../objectives/readings.js';
import type { MadePatch, OtherPrompts, PatchDescription } from '../patch/requests/ablations.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import type { BatchOutputs, Metric, MetricContext, MetricValue } from '../plugin/metric.js';
import { optionsText } from '../plugin/options-text.js';
import type { KnownEdges, ScoreMetric, ScoreMetricContext } from '../plugin/score-metric.js';
import { inputOf } from '../prompts/prompts.js';
import type { ModelInput, PromptBatch, Side } from '../prompts/types.js';
import { type Ablating, ablationChosen, ablationText } from './ablations.js';
import { checkedMeasurement } from './check-results.js';
import { LogitsCheck } from './logits-check.js';
import type { ConstantTrainingHooks } from './optimal-ablation.js';
import type { ScoredEdges } from './scored-edges.js';

/** `tree`: every edge outside the circuit is patched; `edge`: the circuit is patched into the other run. */
export type PatchType = 'tree' | 'edge';
/** What is patched in. */
export interface AblationChoice {
  readonly ablation: Ablating;
  /** The side that patched-in values come from; without meaning for zeros and for means that name their side. */
  readonly ablateFrom: Side;
}
/** How circuits are run. */
export interface CircuitRunSettings extends AblationChoice {
  readonly patchType: PatchType;
  /** Circuits run on the corrupt prompts and the clean ones are patched in. Scores are not touched by it. */
  readonly reverse: boolean;
}

const other = (side: Side): Side => (side === 'clean' ? 'corrupt' : 'clean');

/**
 * What an ablation patches in. Data-set means are taken over `batches` (the training prompts, all of one length), and constants
 * are trained on them; the handle of a mean must be disposed.
 * @param hooks for the training of constants
 */
export async function patchDescription(
  model: PatchableModel,
  { ablation, ablateFrom }: AblationChoice,
  batches: readonly PromptBatch[],
  { seed = 0, ...hooks }: ConstantTrainingHooks = {},
): Promise<PatchDescription> {
  return ablationChosen(ablation).patch({ model, graph: model.graph, batches, from: ablateFrom, seed, ...hooks });
}

/**
 * Whether these settings make sense together.
 * @param force lets an edge patch ablate
 * @throws AutoCircuitError `conflicting-options` for settings under which a patched run means nothing
 */
export function checkCircuitRun({ patchType, ablation, ablateFrom }: CircuitRunSettings, force: boolean): void {
  if (patchType === 'edge' && ablation !== 'resample' && !force) {
    throw new AutoCircuitError({
      code: 'conflicting-options',
      fields: { options: ['patchType', 'ablation'] },
      where: 'measure',
      what: `an edge patch with the ablation "${ablationText(ablation)}" would remove the circuit from a corrupt run`,
      fix: 'use a tree patch or the ablation "resample", or force it',
    });
  }
  if (ablation === 'resample' && ablateFrom === 'clean') {
    throw new AutoCircuitError({
      code: 'conflicting-options',
      fields: { options: ['ablation', 'ablateFrom'] },
      where: 'measure',
      what: 'resampling a prompt from its own clean side has no effect',
      fix: 'ablate from the corrupt side, or reverse the two sides to run circuits on the corrupt prompts',
    });
  }
}

/** The side that circuits run on. */
export function sideRun({ patchType, reverse }: CircuitRunSettings): Side {
  return (patchType === 'tree') === reverse ? 'corrupt' : 'clean';
}

/** What is patched into circuits: the ablation, seen from the side that is run. */
export function circuitPatch(settings: CircuitRunSettings, patch: PatchDescription): PatchDescription {
  if (patch.kind === 'resample') return { kind: 'resample', from: other(sideRun(settings)) };
  if (!settings.reverse || patch.kind === 'zero' || patch.kind === 'mean' || patch.kind === 'constant') return patch;
  if (patch.kind === 'made' || patch.kind === 'prompts') return swappedPatch(patch);
  return { kind: patch.kind, from: other(patch.from) };
}

/** One object for each patch, since what is kept of a patch is kept by its object. */
const swappedPatches = new WeakMap<PatchDescription, PatchDescription>();
function swappedPatch(patch: MadePatch | OtherPrompts): PatchDescription {
  const known = swappedPatches.get(patch) ?? { ...patch, swapped: !patch.swapped };
  swappedPatches.set(patch, known);
  return known;
}

const MASKS: Readonly<Record<PatchType, { inside: number; outside: number }>> = {
  tree: { inside: 0, outside: 1 },
  edge: { inside: 1, outside: 0 },
};

/** What is read of circuits' outputs, batch by batch. */
export interface CircuitReading {
  ofBatch(batch: number): OutputReadings;
  /** @param values what a run of the batch gave: [prompts, readings] */
  outputs(batch: number, values: Float32Array): BatchOutputs;
}

/** Outputs of one circuit (canonical edge numbers) on all batches, in order. */
export async function circuitOutputs(
  model: PatchableModel,
  batches: readonly PromptBatch[],
  edges: readonly number[],
  settings: CircuitRunSettings,
  patch: PatchDescription,
  signal?: AbortSignal,
): Promise<BatchOutputs[]> {
  const [outputs] = await outputsOfCircuits(model, batches, [edges], settings, patch, signal);
  return outputs!;
}

/**
 * The same for several circuits, some of which may run together: the outputs of each.
 * @param reading what is read of them, where no logits are wanted
 */
export async function outputsOfCircuits(
  model: PatchableModel,
  batches: readonly PromptBatch[],
  circuits: readonly (readonly number[])[],
  settings: CircuitRunSettings,
  patch: PatchDescription,
  signal?: AbortSignal,
  reading: CircuitReading | null = null,
): Promise<BatchOutputs[][]> {
  const request = {
    input: sideRun(settings),
    patch: circuitPatch(settings, patch),
    masks: circuits.map((edges) => maskFromEdges(model.graph, edges, MASKS[settings.patchType])),
  };
  const outputs = circuits.map((): BatchOutputs[] => []);
  signal?.throwIfAborted();
  const requests = batches.map((_, b) => (reading ? { ...request, readings: reading.ofBatch(b) } : request));
  const given = await model.patchedRunsOn(batches, requests, signal);
  for (const [b, batch] of batches.entries()) {
    given[b]!.forEach(({ data }, i) => {
      outputs[i]!.push(reading ? reading.outputs(b, data) : { batch, logits: data });
    });
  }
  return outputs;
}

/** The outputs that circuits are compared with: made once for all sizes. */
export interface References {
  readonly clean: readonly BatchOutputs[];
  readonly corrupt: readonly BatchOutputs[];
  /** Every edge patched (tree) or none (edge): the empty circuit. */
  readonly empty: readonly BatchOutputs[];
  /** The circuit of all edges: the whole model. */
  readonly model: readonly BatchOutputs[];
}

/** Runs the model on both sides, the empty circuit and the circuit of all edges. */
export async function referenceOutputs(
  model: PatchableModel,
  batches: readonly PromptBatch[],
  settings: CircuitRunSettings,
  patch: PatchDescription,
  signal?: AbortSignal,
): Promise<References> {
  const patchedSide = patch.kind === 'resample' ? other(sideRun(settings)) : null;
  const plain = async (side: Side): Promise<BatchOutputs[]> => {
    // The side that circuits have patched in is run once for both: its outputs here, and what is patched in.
    if (side === patchedSide) {
      const logits = await model.runSide(batches, side, signal);
      return batches.map((batch, i) => ({ batch, logits: logits[i]!.data }));
    }
    return eachBatch(
      batches,
      signal,
      async (batch) => (await model.run(inputOf(batch, side) satisfies ModelInput)).data,
    );
  };
  const clean = await plain('clean');
  const corrupt = await plain('corrupt');
  checkOutputs([...clean, ...corrupt]);
  const [run, patchedIn] = sideRun(settings) === 'clean' ? [clean, corrupt] : [corrupt, clean];
  const under = (edges: readonly number[]) => circuitOutputs(model, batches, edges, settings, patch, signal);
  // Under resample, patching every edge gives the other side's run.
  if (settings.patchType === 'tree') {
    const empty = patch.kind === 'resample' ? patchedIn : await under([]);
    return { clean, corrupt, empty, model: run };
  }
  const all = Array.from({ length: model.graph.edgeCount }, (_, number) => number);
  const whole = patch.kind === 'resample' ? patchedIn : await under(all);
  return { clean, corrupt, empty: run, model: whole };
}

/** @throws AutoCircuitError `not-finite` where outputs cannot be those of a model whose numbers fit in float32 */
function checkOutputs(outputs: readonly BatchOutputs[]): void {
  const check = new LogitsCheck('measure');
  for (const { batch, logits } of outputs) check.add(logits, logits.length / batch.prompts.length);
  check.end();
}

async function eachBatch(
  batches: readonly PromptBatch[],
  signal: AbortSignal | undefined,
  logitsOf: (batch: PromptBatch) => Promise<Float32Array>,
): Promise<BatchOutputs[]> {
  const outputs: BatchOutputs[] = [];
  for (const batch of batches) {
    signal?.throwIfAborted();
    outputs.push({ batch, logits: await logitsOf(batch) });
  }
  return outputs;
}

/** A metric, of outputs or of scores, with the values of its options. */
export interface ChosenMetric {
  readonly metric: Metric | ScoreMetric;
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

/** @throws AutoCircuitError when a metric needs wrong answers and a prompt has none, or a known circuit and there is none */
export function checkMetrics(
  metrics: readonly ChosenMetric[],
  batches: readonly PromptBatch[],
  known: KnownEdges | null = null,
): void {
  const comparing = metrics.find(({ metric }) => metric.kind === 'score-metric' && metric.needsKnownCircuit);
  if (comparing && !known) {
    throw new AutoCircuitError({
      code: 'no-known-circuit',
      fields: { metric: comparing.metric.name },
      where: 'measure',
      what: `the metric "${comparing.metric.name}" compares with the task's known circuit, and there is none of this graph`,
      fix: 'use a task that has an official circuit, or another metric',
    });
  }
  const lacking = batches.flatMap((batch) => batch.prompts).find((prompt) => prompt.wrongAnswers.length === 0);
  const needy = metrics.find(({ metric }) => metric.kind === 'metric' && metric.needsWrongAnswers);
  if (!lacking || !needy) return;
  throw new AutoCircuitError({
    code: 'missing-wrong-answers',
    fields: { prompt: lacking.index, metric: needy.metric.name },
    where: 'measure',
    what: `the metric "${needy.metric.name}" needs wrong answers, and prompt ${lacking.index} has none`,
    fix: 'choose another metric, or add wrong_answers to the data',
  });
}

/** A metric as files and tables call it: its name, with the options that are not at their defaults. */
export const metricText = ({ metric, options }: ChosenMetric): string =>
  optionsText(metric.name, metric.options, options);

/** The unit of a metric under its options. */
export function metricUnit({ metric, options }: ChosenMetric): string {
  if (typeof metric.unit === 'string') return metric.unit;
  const member = { kind: 'metric', name: metric.name, member: 'unit' };
  const { unit } = metric;
  const given: unknown = calledMember(member, () => unit(options as never));
  if (typeof given === 'string' && given.trim() !== '') return given;
  throw pluginFailed(member, { what: 'gives no unit', expected: 'a text', got: shown(given) });
}

/**
 * One metric of one set of outputs.
 * @throws AutoCircuitError `plugin-failed` where it gives anything but a measurement, `not-finite` where that is not a number
 */
export function measureOne(
  { metric, options }: ChosenMetric,
  circuit: readonly BatchOutputs[],
  references: References,
  { graph, outputSize }: Pick<PatchableModel, 'graph' | 'outputSize'>,
): MetricValue {
  if (metric.kind === 'score-metric') throw new Error('a score metric measures no outputs');
  const { clean, corrupt, empty, model } = references;
  const context: MetricContext = { graph, outputSize, circuit, clean, corrupt, empty, model };
  const prompts = circuit.reduce((n, { batch }) => n + batch.prompts.length, 0);
  return checkedMeasurement(metric.name, prompts, () => metric.measure(context, options as never));
}

/** What score metrics are measured on: the scores, and what they are compared with. */
export interface MeasuredScores extends ScoredEdges {
  readonly known: KnownEdges | null;
}

/**
 * A score metric of one circuit. @param scored null where a circuit is there without scores
 * @throws AutoCircuitError `plugin-failed` where it gives anything but a measurement, `undefined-metric` without scores
 */
export function measureScores(
  { metric, options }: ChosenMetric & { readonly metric: ScoreMetric },
  circuit: Circuit,
  scored: MeasuredScores | null,
): MetricValue {
  if (!scored) {
    throw new AutoCircuitError({
      code: 'undefined-metric',
      fields: { metric: metric.name },
      where: 'measure',
      what: `the metric "${metric.name}" is one of scores, and a circuit alone has none`,
      fix: 'measure a run, or choose a metric of outputs',
    });
  }
  const context: ScoreMetricContext = { graph: circuit.graph, circuit, ...scored };
  return checkedMeasurement(metric.name, 0, () => metric.measure(context, options as never));
}

/** Whether a metric is one of scores. */
export const isScoreMetric = (chosen: ChosenMetric): chosen is ChosenMetric & { readonly metric: ScoreMetric } =>
  chosen.metric.kind === 'score-metric';
