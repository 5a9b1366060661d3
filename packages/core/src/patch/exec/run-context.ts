/** @file What every kind of run of a patchable model shares: micro-batches, who supplies the patched-in values, feeds of pass 1. */

import type { Feeds } from '../../backend/backend.js';
import type { Graph, Mask } from '../../graph/types.js';
import type { Program } from '../../ir/program/program.js';
import type { ModelSpec } from '../../model/model.js';
import { type OutputPositions, positionsRead } from '../../prompts/output-positions.js';
import type { PromptBatch } from '../../prompts/types.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { MaskAxes } from '../modes/activation-differences.js';
import { captureProgram, PATCH_INPUT, type PatchSupply, type Setting } from '../programs/programs.js';
import type { PatchDescription } from '../requests/ablations.js';
import type { SiteTensors, SourceStore } from './activation-cache.js';
import { inputFeeds } from './feeds.js';
import { inOrder } from './map-limit.js';
import { type Cut, cutsOf } from './micro-batches.js';
import type { Executables, NamedProgram } from './program-cache.js';

export interface SharedRuns extends Setting {
  readonly executables: Executables;
  readonly store: SourceStore;
  /** Most bytes that pass 1 may keep. */
  readonly keepBytes: number;
  /** Tokens (prompts × positions) of one run: of a plain one, of one that mixes every source, of one that mixes so many. */
  readonly plainTokens: number;
  readonly patchTokens: number;
  tokensFor(sources: number): number;
}

export const named = (key: string, make: () => Program): NamedProgram => ({ key, make });

/** Pass 1. */
export const captures = ({ model, graph }: Setting): NamedProgram =>
  named('capture', () => captureProgram({ model, graph }, 'parts'));

/** Plain runs and pass 1 happen once for each micro-batch; patched runs again for every mask. */
export const ONCE = { repeated: false } as const;

/** What a program is to run on. */
export interface RunSize {
  readonly prompts: number;
  readonly length: number;
  /** Numbers that all runs give: they are there twice while they are joined. */
  readonly results: number;
  /** Default: of a run that mixes every source. */
  readonly tokens?: number;
}
/** The micro-batches of a program, by tokens and by what fits in memory. */
export function cutsFor(
  { executables, patchTokens }: SharedRuns,
  program: NamedProgram,
  { prompts, length, results, tokens = patchTokens }: RunSize,
): Cut[] {
  const most = Math.min(prompts, Math.max(1, Math.floor(tokens / Math.max(1, length))));
  const fit = executables.promptsPerRun(program, { prompts: most, length, hostBytes: 8 * results });
  return cutsOf(prompts, length, fit * length);
}

export const eachCut = <R>(
  { executables }: SharedRuns,
  cuts: readonly Cut[],
  work: (cut: Cut) => Promise<R>,
): Promise<readonly R[]> => inOrder(cuts, executables.parallel, work);

/** Of n prompts: [n, outputSize] at the last position, or [n, positions, outputSize]. */
export function outputShape(
  { outputSize, outputs: own = 'last' }: ModelSpec,
  n: number,
  length: number,
  outputs: OutputPositions = own,
): number[] {
  return outputs === 'last' ? [n, outputSize] : [n, positionsRead(outputs, length), outputSize];
}

export const suppliedBy = ({ kind }: PatchDescription): PatchSupply => (kind === 'zero' ? 'zero' : 'fed');

/** One program for both passes where the first one's values are wanted `once`, or are too many to be kept. */
export function supplyOf(runs: SharedRuns, batch: PromptBatch, patch: PatchDescription, once: boolean): PatchSupply {
  const supply = suppliedBy(patch);
  if (patch.kind !== 'resample') return supply;
  if (once) return 'fused';
  const bytes = runs.executables.outputBytes(captures(runs), batch.prompts.length, batch.length);
  return bytes > runs.keepBytes ? 'fused' : supply;
}

/** The other side's prompts, where pass 1 is part of the program. */
export function firstPassFeeds(
  { model }: SharedRuns,
  supply: PatchSupply,
  batch: PromptBatch,
  patch: PatchDescription,
  [start, stop]: Cut,
): Feeds {
  if (supply !== 'fused' || patch.kind !== 'resample') return {};
  return inputFeeds(PATCH_INPUT, model.spec, batch, patch.from, start, stop);
}

/** Tensors by site under the names of a program's inputs. */
export const siteFeeds = (
  tensors: SiteTensors | null,
  name: (site: string) => string,
): Readonly<Record<string, Tensor>> =>
  Object.fromEntries([...(tensors ?? [])].map(([site, tensor]) => [name(site), tensor]));

export const axesOf = ({ options }: Graph, mask?: Mask): MaskAxes => ({
  perItem: mask?.perItem ?? false,
  perPosition: options.positions !== null,
});
