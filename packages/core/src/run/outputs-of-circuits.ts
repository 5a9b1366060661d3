/** @file The outputs of circuits, and those that they are compared with: run batch by batch, so that processes can share the batches. */
import { maskFromEdges } from '../graph/circuit.js';
import type { PatchDescription } from '../patch/requests/ablations.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import type { BatchOutputs } from '../plugin/metric.js';
import { inputOf } from '../prompts/prompts.js';
import type { ModelInput, PromptBatch, Side } from '../prompts/types.js';
import { LogitsCheck } from './logits-check.js';
import {
  type CircuitReading,
  type CircuitRunSettings,
  circuitPatch,
  other,
  type PatchType,
  type References,
  sideRun,
} from './run-circuits.js';

const MASKS: Readonly<Record<PatchType, { inside: number; outside: number }>> = {
  tree: { inside: 0, outside: 1 },
  edge: { inside: 1, outside: 0 },
};

/** What is run on some batches, and how. */
export interface CircuitRun {
  readonly model: PatchableModel;
  readonly batches: readonly PromptBatch[];
  /** Those that `batches` are some of, where processes share them. */
  readonly all?: readonly PromptBatch[];
  readonly settings: CircuitRunSettings;
  /** What the ablation patches in. */
  readonly patch: PatchDescription;
  readonly signal?: AbortSignal | undefined;
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
  const run = { model, batches, settings, patch, signal };
  return outputsFrom(batches, await circuitValues(run, circuits, reading), reading);
}

/**
 * What runs of circuits give, batch by batch, in it circuit by circuit: logits, or [prompts, readings]. Which circuits run together
 * follows from each batch alone, so some batches give the numbers that they give among others.
 * @param first of all batches that are measured, the place of the first one here: `reading` knows them by it
 */
export async function circuitValues(
  { model, batches, settings, patch, signal }: CircuitRun,
  circuits: readonly (readonly number[])[],
  reading: CircuitReading | null,
  first = 0,
): Promise<Float32Array[][]> {
  const request = {
    input: sideRun(settings),
    patch: circuitPatch(settings, patch),
    masks: circuits.map((edges) => maskFromEdges(model.graph, edges, MASKS[settings.patchType])),
  };
  signal?.throwIfAborted();
  const requests = batches.map((_, b) => (reading ? { ...request, readings: reading.ofBatch(first + b) } : request));
  const given = await model.patchedRunsOn(batches, requests, signal);
  return given.map((tensors) => tensors.map(({ data }) => data));
}

/** Each circuit's outputs on all batches. @param values by batch, then by circuit */
export function outputsFrom(
  batches: readonly PromptBatch[],
  values: readonly (readonly Float32Array[])[],
  reading: CircuitReading | null,
): BatchOutputs[][] {
  const circuits = values[0]?.length ?? 0;
  return Array.from({ length: circuits }, (_, i) =>
    batches.map((batch, b) => {
      const data = values[b]![i]!;
      return reading ? reading.outputs(b, data) : { batch, logits: data };
    }),
  );
}

/** Logits of the runs that circuits are compared with, batch by batch. */
export interface ReferenceLogits {
  readonly clean: readonly Float32Array[];
  readonly corrupt: readonly Float32Array[];
  /** Every edge patched; null under resample, where that is the other side's run. */
  readonly patched: readonly Float32Array[] | null;
}

/** Runs the model on both sides and with every edge patched. */
export async function referenceLogits({
  model,
  batches,
  all = batches,
  settings,
  patch,
  signal,
}: CircuitRun): Promise<ReferenceLogits> {
  const patchedSide = patch.kind === 'resample' ? other(sideRun(settings)) : null;
  const plain = async (side: Side): Promise<Float32Array[]> => {
    // The side that circuits have patched in is run once for both: its outputs here, and what is patched in.
    if (side === patchedSide) return (await model.runSide(batches, side, signal, all)).map(({ data }) => data);
    const logits: Float32Array[] = [];
    for (const batch of batches) {
      signal?.throwIfAborted();
      logits.push((await model.run(inputOf(batch, side) satisfies ModelInput)).data);
    }
    return logits;
  };
  const clean = await plain('clean');
  const corrupt = await plain('corrupt');
  if (patch.kind === 'resample') return { clean, corrupt, patched: null };
  // The empty circuit of a tree patch; of an edge patch, the circuit of all edges.
  const edges = Array.from(
    { length: settings.patchType === 'tree' ? 0 : model.graph.edgeCount },
    (_, number) => number,
  );
  const patched = await circuitOutputs(model, batches, edges, settings, patch, signal);
  return { clean, corrupt, patched: patched.map(({ logits }) => logits) };
}

/**
 * What circuits are compared with, of all batches.
 * @throws AutoCircuitError `not-finite` where the model's own outputs are no numbers
 */
export function referencesFrom(
  batches: readonly PromptBatch[],
  logits: ReferenceLogits,
  settings: CircuitRunSettings,
): References {
  const outputs = (list: readonly Float32Array[]) => batches.map((batch, b) => ({ batch, logits: list[b]! }));
  const [clean, corrupt] = [outputs(logits.clean), outputs(logits.corrupt)];
  checkOutputs([...clean, ...corrupt]);
  const [run, patchedIn] = sideRun(settings) === 'clean' ? [clean, corrupt] : [corrupt, clean];
  // Under resample, patching every edge gives the other side's run.
  const patched = logits.patched === null ? patchedIn : outputs(logits.patched);
  return settings.patchType === 'tree'
    ? { clean, corrupt, empty: patched, model: run }
    : { clean, corrupt, empty: run, model: patched };
}

/** Runs the model on both sides, the empty circuit and the circuit of all edges. */
export async function referenceOutputs(
  model: PatchableModel,
  batches: readonly PromptBatch[],
  settings: CircuitRunSettings,
  patch: PatchDescription,
  signal?: AbortSignal,
): Promise<References> {
  return referencesFrom(batches, await referenceLogits({ model, batches, settings, patch, signal }), settings);
}

/** @throws AutoCircuitError `not-finite` where outputs cannot be those of a model whose numbers fit in float32 */
function checkOutputs(outputs: readonly BatchOutputs[]): void {
  const check = new LogitsCheck('measure');
  for (const { batch, logits } of outputs) check.add(logits, logits.length / batch.prompts.length);
  check.end();
}
