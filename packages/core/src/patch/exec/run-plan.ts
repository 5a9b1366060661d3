/**
 * @file How a request is run, resolved once: which program, where the patched-in values come from, which sides are stored
 * before it, and in which micro-batches. What a plan says is then done for each of them.
 */

import type { Feeds, Results } from '../../backend/backend.js';
import type { ModelSpec } from '../../model/model.js';
import { type OutputPositions, positionsRead } from '../../prompts/output-positions.js';
import type { PromptBatch, Side } from '../../prompts/types.js';
import { elementCount, type Tensor } from '../../tensor/tensor.js';
import type { ProgramSpec, StoredSupply } from '../programs/program-spec.js';
import { currentInputName, INPUT, PATCH_INPUT, type PatchSupply, patchInputName } from '../programs/programs.js';
import type { PatchDescription } from '../requests/ablations.js';
import type { SiteTensors } from './activation-means.js';
import { inputFeeds } from './feeds.js';
import { mapLimit } from './map-limit.js';
import { type Cut, cutsOf } from './micro-batches.js';
import type { Use } from './program-cache.js';
import type { RunContext } from './run-context.js';

/** How a request is run on a batch. */
export interface RunPlan {
  readonly spec: ProgramSpec;
  readonly use: Use;
  /** The side that is run. */
  readonly input: Side;
  /** What is patched in; null for plain runs. */
  readonly patch: PatchDescription | null;
  /** Where its values come from. */
  readonly supply: PatchSupply;
  /** Whether the source activations of the side that is run are fed, too. */
  readonly needsCurrent: boolean;
  readonly cuts: readonly Cut[];
}

/** What decides about the micro-batches of a program. */
export interface RunSize {
  readonly prompts: number;
  readonly length: number;
  /** Numbers that all runs give: they are there twice while they are joined. */
  readonly results: number;
  /** Tokens (prompts × positions) of one run; default: of a run whose edge sums take in every source. */
  readonly tokens?: number;
}

/** Plain runs and pass 1 happen once for each micro-batch; patched runs again for every mask. */
export const ONCE: Use = Object.freeze({ repeated: false });

/**
 * The micro-batches of a program, by tokens and by what fits in memory.
 * @throws AutoCircuitError `memory-limit` when a limit was asked for that one prompt exceeds
 */
export function planCuts(
  { programs, budget }: RunContext,
  spec: ProgramSpec,
  { prompts, length, results, tokens = budget.patched }: RunSize,
): Cut[] {
  const most = Math.min(prompts, Math.max(1, Math.floor(tokens / Math.max(1, length))));
  const fit = programs.promptsPerRun(spec, { prompts: most, length, hostBytes: 8 * results });
  return cutsOf(prompts, length, fit * length);
}

/** The supply of a patch whose pass 1 is a program of its own. */
export const storedSupply = ({ kind }: PatchDescription): StoredSupply => (kind === 'zero' ? 'zero' : 'fed');

/**
 * Where patched-in values come from: from one program for both passes (`fused`) where the values of the first are wanted
 * `once`, or are too many to be kept.
 */
export function supplyOf(context: RunContext, batch: PromptBatch, patch: PatchDescription, once: boolean): PatchSupply {
  if (patch.kind !== 'resample') return storedSupply(patch);
  if (once) return 'fused';
  const bytes = context.programs.outputBytes({ kind: 'capture' }, batch.prompts.length, batch.length);
  return bytes > context.activations.limitBytes ? 'fused' : 'fed';
}

/** A plain run of a side, which patches nothing. */
export const plainPlan = (spec: ProgramSpec, input: Side, cuts: readonly Cut[]): RunPlan => ({
  spec,
  use: ONCE,
  input,
  patch: null,
  supply: 'zero',
  needsCurrent: false,
  cuts,
});

/** Source activations that a micro-batch is fed, [rows, batch, pos, width] by site; null where it is fed none. */
export interface FedActivations {
  readonly patch: SiteTensors | null;
  readonly current: SiteTensors | null;
}

/**
 * Runs a plan, micro-batch by micro-batch, after pass 1 of the sides that are stored.
 * @param ownFeeds what a micro-batch is fed besides its prompts and source activations: masks, answers, …
 * @returns what each micro-batch gave, in order
 */
export async function runPlan(
  context: RunContext,
  batch: PromptBatch,
  plan: RunPlan,
  ownFeeds: (cut: Cut, fed: FedActivations) => Feeds = () => ({}),
): Promise<readonly Results[]> {
  const { activations, programs } = context;
  const { cuts, input, needsCurrent, patch, spec, supply, use } = plan;
  if (supply === 'fed' && patch?.kind === 'resample') await activations.prepare(batch, patch.from, cuts);
  if (needsCurrent) await activations.prepare(batch, input, cuts);
  return mapLimit(cuts, programs.parallel, async (cut) => {
    const fed = await fedActivations(context, batch, plan, cut);
    return programs.run(spec, { ...planFeeds(context, batch, plan, cut, fed), ...ownFeeds(cut, fed) }, use);
  });
}

/** The source activations that a plan feeds to a micro-batch. */
export async function fedActivations(
  { activations }: RunContext,
  batch: PromptBatch,
  { cuts, input, needsCurrent, patch, supply }: RunPlan,
  cut: Cut,
): Promise<FedActivations> {
  return {
    patch: patch && supply !== 'fused' ? await activations.patch(batch, patch, cut, cuts) : null,
    current: needsCurrent ? await activations.side(batch, input, cut) : null,
  };
}

/** What a plan feeds to a micro-batch: its prompts, and source activations or the prompts that these are computed from. */
export function planFeeds(
  { model }: RunContext,
  batch: PromptBatch,
  { input, patch, supply }: RunPlan,
  cut: Cut,
  fed: FedActivations,
): Feeds {
  return {
    ...inputFeeds(INPUT, model.spec, batch, input, cut),
    ...(supply === 'fused' && patch?.kind === 'resample'
      ? inputFeeds(PATCH_INPUT, model.spec, batch, patch.from, cut)
      : {}),
    ...siteFeeds(fed.patch, patchInputName),
    ...siteFeeds(fed.current, currentInputName),
  };
}

/** Tensors by site under the names of a program's inputs. */
export const siteFeeds = (
  tensors: SiteTensors | null,
  name: (site: string) => string,
): Readonly<Record<string, Tensor>> =>
  Object.fromEntries([...(tensors ?? [])].map(([site, tensor]) => [name(site), tensor]));

/** The shape of the logits of n prompts: [n, outputSize] at the last position, or [n, positions, outputSize]. */
export function outputShape(
  { outputSize, outputs: own = 'last' }: ModelSpec,
  n: number,
  length: number,
  outputs: OutputPositions = own,
): number[] {
  return outputs === 'last' ? [n, outputSize] : [n, positionsRead(outputs, length), outputSize];
}

/** How many numbers the logits of n prompts are. */
export const outputCount = (spec: ModelSpec, n: number, length: number): number =>
  elementCount(outputShape(spec, n, length));
