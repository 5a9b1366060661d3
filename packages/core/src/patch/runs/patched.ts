/** @file Pass 2: runs under masks, each by the program that costs least, and several by one run where that costs less. */

import { AutoCircuitError } from '../../errors/error.js';
import type { Mask } from '../../graph/types.js';
import { type OutputReadings, readingCount, readingFeeds } from '../../objectives/readings.js';
import type { PromptBatch } from '../../prompts/types.js';
import { elementCount, floatTensor, type Tensor } from '../../tensor/tensor.js';
import { maskFeeds, withPatched } from '../exec/feeds.js';
import { cutsOf, floats, joinFloats } from '../exec/micro-batches.js';
import type { RunContext } from '../exec/run-context.js';
import { outputCount, outputShape, planCuts, type RunPlan, runPlan, supplyOf } from '../exec/run-plan.js';
import type { ProgramSpec } from '../programs/program-spec.js';
import { LOGITS, type PatchSupply } from '../programs/programs.js';
import type { PatchedMasksRequest, PatchedRunRequest } from '../requests/patchable-model.js';
import type { Selection, SparseRuns } from '../sparse/index.js';

/** A sparse run takes as many tokens as a plain one where a run of its sources fits so far into the processor's cache. */
const FEW_SOURCES = 0.7;

/** Masks run together where so many fit into a run: with fewer, their prompts fill one well enough by themselves. */
const FEWEST_TOGETHER = 8;
/** And where so many are given: for fewer, a program of their own takes longer to compile than it saves. */
const FEWEST_MASKS = 6;

/** Outputs of masks that are handed over together stay below this. */
const WINDOW_OUTPUT_BYTES = 64 * 2 ** 20;

/** What runs under masks work with. */
export interface PatchedContext extends RunContext {
  /** null where the graph or the backend allows dense programs only. */
  readonly sparse: SparseRuns | null;
}

/** A run under a mask, and where its patched-in values come from: worked out once for all masks of a request. */
interface SuppliedRun extends PatchedRunRequest {
  readonly supply: PatchSupply;
  readonly readings?: OutputReadings;
}

/** Logits under a mask: [prompts, outputSize], or [prompts, positions, outputSize]. */
export function patchedRun(
  context: PatchedContext,
  batch: PromptBatch,
  request: PatchedRunRequest,
): Promise<Tensor<Float32Array>> {
  return underMask(context, batch, { ...request, supply: supplyOf(context, batch, request.patch, false) });
}

async function underMask(
  context: PatchedContext,
  batch: PromptBatch,
  request: SuppliedRun,
): Promise<Tensor<Float32Array>> {
  const { graph, model, sparse } = context;
  const { mask, patch, readings } = request;
  const selection = sparseFor(context, request)?.strategy.choose(mask, patch, batch) ?? null;
  const plan = densePlan(context, batch, request, selection && tokensOf(context, selection));
  const rows = selection
    ? await sparse!.run(batch, request, selection, plan.cuts)
    : (
        await runPlan(context, batch, plan, (cut) => ({
          ...Object.fromEntries(maskFeeds(graph, mask, batch.prompts.length, cut)),
          ...(readings ? readingFeeds(readings, batch.prompts, model.spec.outputSize, cut) : {}),
        }))
      ).map((results) => floats(results, LOGITS));
  return floatTensor(joinFloats(rows), shapeOf(context, batch, request));
}

/** Sparse runs, where they can serve a request: they need what pass 1 wrote, and freeze nothing. */
const sparseFor = (
  { sparse }: PatchedContext,
  { supply, frozen = [] }: Pick<SuppliedRun, 'frozen' | 'supply'>,
): SparseRuns | null => (supply === 'fused' || frozen.length > 0 ? null : sparse);

/** One of two sizes, so that circuits of a curve share pass 1. */
const tokensOf = ({ budget }: RunContext, { sources }: Selection): number =>
  budget.forSources(sources) >= FEW_SOURCES * budget.plain ? budget.plain : budget.patched;

/** What decides about the dense program of a run under a mask. */
interface DenseRun {
  readonly supply: PatchSupply;
  /** Whether each prompt has a mask of its own. */
  readonly perItem: boolean;
  readonly readings?: OutputReadings | undefined;
  /** Roles whose values are those of the unpatched run. */
  readonly frozen?: readonly string[] | undefined;
}

/** The program of a run under a mask in which every source is in every edge sum. */
export const denseSpec = ({ supply, perItem, readings, frozen = [] }: DenseRun): ProgramSpec => ({
  kind: 'patched',
  supply,
  perItem,
  frozen: [...new Set(frozen)].sort(),
  ...(readings ? { readings: { references: readings.references.length } } : {}),
});

/** The shape of what a run of a batch gives: logits, or [prompts, readings]. */
const shapeOf = (
  { model }: RunContext,
  { prompts, length }: PromptBatch,
  { readings }: Pick<SuppliedRun, 'readings'>,
): number[] =>
  readings ? [prompts.length, readingCount(readings, prompts)] : outputShape(model.spec, prompts.length, length);

function densePlan(
  context: RunContext,
  { prompts, length }: PromptBatch,
  request: SuppliedRun,
  tokens: number | null,
): RunPlan {
  const { input, patch, supply } = request;
  const spec = denseSpec({ ...request, perItem: request.mask.perItem });
  const cuts = planCuts(context, spec, {
    prompts: prompts.length,
    length,
    results: outputCount(context.model.spec, prompts.length, length),
    ...(tokens === null ? {} : { tokens }),
  });
  return { spec, use: {}, input, patch, supply, needsCurrent: false, cuts };
}

/** Logits under the mask with each variant's edges patched, too, of variants that are given together. */
export async function patchedTogether(
  context: PatchedContext,
  batch: PromptBatch,
  request: PatchedRunRequest,
  variants: readonly (readonly number[])[],
): Promise<Tensor<Float32Array>[]> {
  const { budget, graph, model } = context;
  const { mask } = request;
  const supplied = { ...request, supply: supplyOf(context, batch, request.patch, false) };
  const sparse = sparseFor(context, supplied);
  const entry = sparse?.entryOf(mask, variants);
  if (!sparse || !entry) {
    const masks = variants.map((edges) => withPatched(graph, mask, edges));
    return oneByOne(context, batch, supplied, masks);
  }
  const shape = outputShape(model.spec, batch.prompts.length, batch.length);
  const cuts = cutsOf(batch.prompts.length, batch.length, budget.plain);
  const size = elementCount(shape.slice(1));
  const logits = await sparse.variants(batch, request, { ...entry, edges: variants }, cuts, size);
  return logits.map((data) => floatTensor(data, shape));
}

/** Logits under each of several masks; those that cost less together run as one. */
export async function patchedMasks(
  context: PatchedContext,
  batch: PromptBatch,
  request: PatchedMasksRequest,
): Promise<Tensor<Float32Array>[]> {
  const [logits] = await patchedMasksOfBatches(context, [batch], [request]);
  return logits!;
}

/**
 * The same on several batches: by batch, then by mask. Which masks run together follows from each batch alone, but runs of one
 * program come one after the other: a large model has memory for one program with copies of its weights, which is compiled anew
 * after every other.
 * @param requests one for each batch, that differ in `readings` alone
 */
export async function patchedMasksOfBatches(
  context: PatchedContext,
  batches: readonly PromptBatch[],
  requests: readonly PatchedMasksRequest[],
  signal?: AbortSignal,
): Promise<Tensor<Float32Array>[][]> {
  const results = requests.map(({ masks }): Tensor<Float32Array>[] => Array(masks.length));
  const runs = batches.flatMap((batch, b) =>
    runsOfMasks(context, batch, requests[b]!).map((run) => ({ ...run, into: results[b]! })),
  );
  for (const program of PROGRAM_ORDER) {
    for (const { into, start, run } of runs.filter((one) => one.program === program)) {
      signal?.throwIfAborted();
      for (const [i, tensor] of (await run()).entries()) into[start + i] = tensor;
    }
  }
  return results;
}

/** What runs masks: several at once, or one by the dense program or a base. */
const PROGRAM_ORDER = ['together', 'noising', 'denoising', 'dense'] as const;

/** One or more runs by one program, of masks from `start` on. */
interface MaskRuns {
  readonly program: (typeof PROGRAM_ORDER)[number];
  readonly start: number;
  run(): Promise<Tensor<Float32Array>[]>;
}

function runsOfMasks(
  context: PatchedContext,
  batch: PromptBatch,
  { masks, ...shared }: PatchedMasksRequest,
): MaskRuns[] {
  if (shared.readings && (context.model.spec.outputs ?? 'last') !== 'last') throw readsOnePosition();
  const supplied = { ...shared, supply: supplyOf(context, batch, shared.patch, false) };
  const sparse = sparseFor(context, supplied);
  const groups = sparse
    ? sparse.strategy.groups(masks, shared.patch, batch, mostTogether(context, batch, supplied, masks))
    : masks.map((_, i) => [i, i + 1] as const);
  const shape = shapeOf(context, batch, supplied);
  return groups.map(([start, stop]): MaskRuns => {
    const group = masks.slice(start, stop);
    if (group.length === 1) {
      const mask = group[0]!;
      return {
        program: sparse?.strategy.choose(mask, shared.patch, batch)?.base ?? 'dense',
        start,
        run: () => oneByOne(context, batch, supplied, group),
      };
    }
    const together = async () =>
      (await sparse!.runTogether(batch, { ...shared, masks: group })).map((data) => floatTensor(data, shape));
    return { program: 'together', start, run: together };
  });
}

const readsOnePosition = (): AutoCircuitError =>
  new AutoCircuitError({
    code: 'invalid-request',
    where: 'core/patch',
    what: 'readings are of outputs at the last position, and this model gives those of several',
    fix: 'leave out "readings"',
    fields: { field: 'readings' },
    kind: 'internal',
  });

/** How many masks one run of this batch can take, by tokens and by memory. */
function mostTogether(
  context: PatchedContext,
  { prompts: { length: n }, length }: PromptBatch,
  supplied: Omit<SuppliedRun, 'mask'>,
  masks: readonly Mask[],
): number {
  const { budget, model, programs } = context;
  const fitting = Math.floor(budget.plain / (n * length));
  if (fitting < FEWEST_TOGETHER || masks.length < FEWEST_MASKS) return 1;
  const prompts = n * Math.min(masks.length, fitting);
  const hostBytes = 8 * outputCount(model.spec, prompts, length);
  const fit = programs.promptsPerRun(denseSpec({ ...supplied, perItem: masks[0]!.perItem }), {
    prompts,
    length,
    hostBytes,
  });
  return Math.max(1, Math.floor(fit / n));
}

async function oneByOne(
  context: PatchedContext,
  batch: PromptBatch,
  supplied: Omit<SuppliedRun, 'mask'>,
  masks: readonly Mask[],
): Promise<Tensor<Float32Array>[]> {
  const logits: Tensor<Float32Array>[] = [];
  for (const mask of masks) logits.push(await underMask(context, batch, { ...supplied, mask }));
  return logits;
}

/** Ranges of a list of masks: in each as many as a run has tokens for on the smallest of the batches, while outputs take little memory. */
export function maskWindows(
  { budget, model }: RunContext,
  batches: readonly PromptBatch[],
  count: number,
): (readonly [start: number, stop: number])[] {
  const prompts = batches.reduce((sum, batch) => sum + batch.prompts.length, 0);
  const fitting = batches.map((batch) => Math.floor(budget.plain / (batch.prompts.length * batch.length)));
  const most = Math.min(
    Math.max(1, ...fitting),
    Math.max(1, Math.floor(WINDOW_OUTPUT_BYTES / (4 * prompts * model.spec.outputSize))),
  );
  return Array.from(
    { length: Math.ceil(count / most) },
    (_, i) => [i * most, Math.min(count, (i + 1) * most)] as const,
  );
}
