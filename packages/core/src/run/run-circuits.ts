/**
 * @file Runs circuits and measures them. A tree patch runs the clean prompts with every edge outside the circuit patched;
 * an edge patch runs the corrupt prompts with the circuit's edges patched from the clean ones.
 */

import { AutoCircuitError } from '../errors/error.js';
import { maskFromEdges } from '../graph/circuit.js';
import type { AblationName, PatchDescription } from '../patch/requests/ablations.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import type { BatchOutputs, Metric, MetricContext, MetricValue } from '../plugin/metric.js';
import { inputOf } from '../prompts/prompts.js';
import type { ModelInput, PromptBatch, Side } from '../prompts/types.js';
import { type ConstantTrainingHooks, optimalConstants } from './optimal-ablation.js';

/** `tree`: every edge outside the circuit is patched; `edge`: the circuit is patched into the other run. */
export type PatchType = 'tree' | 'edge';
/** What is patched in. */
export interface AblationChoice {
  readonly ablation: AblationName;
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

const MEANS = { 'mean-clean': 'clean', 'mean-corrupt': 'corrupt', 'mean-both': 'both' } as const;
type MeanName = keyof typeof MEANS;
const isMean = (name: AblationName): name is MeanName => Object.hasOwn(MEANS, name);

/**
 * What an ablation patches in. Data-set means are taken over `batches` (the training prompts, all of one length), and constants
 * are trained on them; the handle of a mean must be disposed.
 * @param hooks for the training of constants
 */
export async function patchDescription(
  model: PatchableModel,
  { ablation, ablateFrom }: AblationChoice,
  batches: readonly PromptBatch[],
  hooks: ConstantTrainingHooks = {},
): Promise<PatchDescription> {
  if (ablation === 'optimal') return optimalConstants(model, batches, hooks);
  if (isMean(ablation)) return model.meanOf(batches, MEANS[ablation]);
  return ablation === 'zero' ? { kind: 'zero' } : { kind: ablation, from: ablateFrom };
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
      what: `an edge patch with the ablation "${ablation}" would remove the circuit from a corrupt run`,
      fix: 'use a tree patch or the ablation "resample", or force it',
    });
  }
  if (ablation === 'resample' && ablateFrom === 'clean') {
    throw new AutoCircuitError({
      code: 'conflicting-options',
      fields: { options: ['ablation', 'ablateFrom'] },
      where: 'measure',
      what: 'resampling a prompt from its own clean side changes nothing',
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
  return { kind: patch.kind, from: other(patch.from) };
}

const MASKS: Readonly<Record<PatchType, { inside: number; outside: number }>> = {
  tree: { inside: 0, outside: 1 },
  edge: { inside: 1, outside: 0 },
};

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

/** The same for several circuits, some of which may run together: the outputs of each. */
export async function outputsOfCircuits(
  model: PatchableModel,
  batches: readonly PromptBatch[],
  circuits: readonly (readonly number[])[],
  settings: CircuitRunSettings,
  patch: PatchDescription,
  signal?: AbortSignal,
): Promise<BatchOutputs[][]> {
  const request = {
    input: sideRun(settings),
    patch: circuitPatch(settings, patch),
    masks: circuits.map((edges) => maskFromEdges(model.graph, edges, MASKS[settings.patchType])),
  };
  const outputs = circuits.map((): BatchOutputs[] => []);
  for (const batch of batches) {
    signal?.throwIfAborted();
    const logits = await model.patchedRuns(batch, request);
    logits.forEach(({ data }, i) => outputs[i]!.push({ batch, logits: data }));
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
  const plain = (side: Side) =>
    eachBatch(batches, signal, async (batch) => (await model.run(inputOf(batch, side) satisfies ModelInput)).data);
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

/**
 * Whether outputs can be those of a model whose numbers fit in float32. Squares that overflow in a norm make its output 0, so
 * that every prompt has the same logits, which are finite.
 * @throws AutoCircuitError `not-finite`
 */
function checkOutputs(outputs: readonly BatchOutputs[]): void {
  const broken = (what: string): AutoCircuitError =>
    new AutoCircuitError({
      code: 'not-finite',
      where: 'measure',
      what,
      fix: 'check that the weights are whole and not too large for float32',
    });
  // Logits of tokens that a model never gives may be −∞.
  if (outputs.some(({ logits }) => logits.some((x) => Number.isNaN(x) || x === Number.POSITIVE_INFINITY))) {
    throw broken('the model’s own outputs are no numbers');
  }
  const rows = outputs.flatMap(({ batch, logits }) => {
    const width = logits.length / batch.prompts.length;
    return batch.prompts.map((_, i) => logits.subarray(i * width, (i + 1) * width));
  });
  const first = rows[0];
  if (rows.length < FEWEST_ALIKE || !first || rows.some((row) => row.length !== first.length)) return;
  if (rows.every((row) => row.every((x, i) => x === first[i]))) {
    throw broken('the model gives the same outputs for every prompt, clean or corrupt');
  }
}
/** Outputs of two prompts may be alike by chance, or because they are the same prompt. */
const FEWEST_ALIKE = 4;

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

/** A metric with the values of its options. */
export interface ChosenMetric {
  readonly metric: Metric;
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

/** @throws AutoCircuitError when a metric needs wrong answers and a prompt has none */
export function checkMetrics(metrics: readonly ChosenMetric[], batches: readonly PromptBatch[]): void {
  const lacking = batches.flatMap((batch) => batch.prompts).find((prompt) => prompt.wrongAnswers.length === 0);
  const needy = metrics.find(({ metric }) => metric.needsWrongAnswers);
  if (!lacking || !needy) return;
  throw new AutoCircuitError({
    code: 'missing-wrong-answers',
    fields: { prompt: lacking.index, metric: needy.metric.name },
    where: 'measure',
    what: `the metric "${needy.metric.name}" needs wrong answers, and prompt ${lacking.index} has none`,
    fix: 'choose another metric, or add wrong_answers to the data',
  });
}

/** One metric of one set of outputs. @throws AutoCircuitError when the value is not a number */
export function measureOne(
  { metric, options }: ChosenMetric,
  circuit: readonly BatchOutputs[],
  references: References,
  { graph, outputSize }: Pick<PatchableModel, 'graph' | 'outputSize'>,
): MetricValue {
  const { clean, corrupt, empty, model } = references;
  const context: MetricContext = { graph, outputSize, circuit, clean, corrupt, empty, model };
  const result = metric.measure(context, options as never);
  if (typeof result?.value !== 'number') {
    throw new AutoCircuitError({
      code: 'contract-broken',
      where: 'measure',
      what: `the metric "${metric.name}" gave no measurement`,
      expected: 'an object { value: number, … }',
      got: typeof result === 'object' ? JSON.stringify(result) : `${result}`,
      fields: { metric: metric.name },
    });
  }
  if (Number.isNaN(result.value) || Number.isNaN(result.standardError ?? 0)) {
    throw new AutoCircuitError({
      code: 'not-finite',
      fields: { metric: metric.name },
      where: 'measure',
      what: `the metric "${metric.name}" gave something that is not a number`,
      fix: 'check the model for overflow on these prompts, or choose another metric',
    });
  }
  return result;
}
