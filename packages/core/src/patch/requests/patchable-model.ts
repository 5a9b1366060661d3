/** @file What algorithms and metrics see of a model: `PatchableModel`. All calls are asynchronous; no caller sees a backend. */

import type { Graph, Mask } from '../../graph/types.js';
import type { BackwardOverride } from '../../ir/autodiff/backward-overrides.js';
import type { ProgramBuilder } from '../../ir/builder/builder.js';
import type { AnyValue } from '../../ir/program/program.js';
import type { Objective } from '../../objectives/objective.js';
import type { OutputPositions } from '../../prompts/output-positions.js';
import type { ModelInput, PromptBatch, Side } from '../../prompts/types.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { ConstantPatch, MeanHandle, PatchDescription } from './ablations.js';

export interface PatchedRunRequest {
  /** The side that is run; the other (by default) is patched in. */
  readonly input: Side;
  readonly patch: PatchDescription;
  readonly mask: Mask;
}
/** Several runs: a mask with variants, each of which patches more edges (canonical numbers) wholly; or masks. */
export type PatchedRunsRequest =
  | (PatchedRunRequest & { readonly variants: readonly (readonly number[])[] })
  | (Omit<PatchedRunRequest, 'mask'> & { readonly masks: readonly Mask[] });
export interface MaskGradientRequest {
  readonly input: Side;
  readonly patch: PatchDescription;
  /** Default: 0 everywhere, where the forward pass is a plain one. A number fills the mask. */
  readonly mask?: Mask | number;
  readonly objective: Objective;
  /**
   * EAP-IG (inputs): the running `Resid Start` output is patch + alpha·(input − patch); differences stay those of the ends.
   */
  readonly inputAlpha?: number;
  /**
   * EAP-IG (activations): what the source block of this site writes is patch + alpha·(input − patch), and the run goes on
   * from there; differences stay those of the ends. Not together with `inputAlpha`.
   */
  readonly mixed?: { readonly site: string; readonly alpha: number };
  /** What gradients do differently at values of a role (RelP, GIM). Forward values stay. */
  readonly backward?: readonly BackwardOverride[];
  /** Whether M itself is wanted, too. */
  readonly losses?: boolean;
  /** Whether the single numbers that nodes write are scored, too; at mask 0 only. */
  readonly neurons?: boolean;
}
/** ∂M/∂mask for each prompt: by destination module `[prompts, position?, head?, sources]`, in the batch's order. */
export interface PromptGradients {
  readonly tensors: Readonly<Record<string, Tensor<Float32Array>>>;
  /** M of each prompt [prompts], when it was asked for. */
  readonly losses?: Float32Array;
  /**
   * (patch − current) · ∂M/∂(what is written), by source module `[prompts, position?, rows, dModel]` (else summed over
   * positions), when asked for. Summed over dModel it is the effect of the whole node, by all ways from it.
   */
  readonly neurons?: Readonly<Record<string, Tensor<Float32Array>>>;
}

export interface PatchableModel {
  readonly graph: Graph;
  /** Length of the output axis (the vocabulary, for language models). */
  readonly outputSize: number;
  /** Where outputs are read: what `run`, `patchedRun` and objectives give and take. */
  readonly outputs: OutputPositions;
  /** A plain run: [n, outputSize] at the last position, or [n, positions, outputSize]; default `outputs`. */
  run(input: ModelInput, positions?: OutputPositions): Promise<Tensor<Float32Array>>;
  /** Two passes: stores what every source outputs on the patching side, then runs `input` with each destination given
   * mask · (stored − this run's). Logits `[prompts, outputSize]`, or `[prompts, positions, outputSize]`. */
  patchedRun(batch: PromptBatch, request: PatchedRunRequest): Promise<Tensor<Float32Array>>;
  /** Whether `patchedRuns` can run variants together; else they are run one by one, and trying ahead does not pay. */
  readonly runsTogether: boolean;
  /**
   * `patchedRun` for each variant or mask: logits of each. Variants whose edges lead to one site before which nothing is
   * patched run together, from that site on; neighbouring masks run together where that costs less. Which do depends on the
   * whole list, and rounding on which do.
   */
  patchedRuns(batch: PromptBatch, request: PatchedRunsRequest): Promise<Tensor<Float32Array>[]>;
  /** How many times a program's run takes this batch: with so many masks, or at so many points of a gradient. At least 1. */
  runsAtOnce(batch: PromptBatch): number;
  maskGradient(batch: PromptBatch, request: MaskGradientRequest): Promise<PromptGradients>;
  /** `maskGradient` at each of several `inputAlpha`s; as many as `runsAtOnce` of a batch run together. */
  gradientsBetween(
    batch: PromptBatch,
    request: Omit<MaskGradientRequest, 'inputAlpha'>,
    alphas: readonly number[],
  ): Promise<PromptGradients[]>;
  /** Numbers read off one plain run for each edge and prompt, as means over positions (or one for each). */
  measureEdges(batch: PromptBatch, side: Side, measure: EdgeMeasure): Promise<PromptGradients>;
  /** Data-set means of source outputs (one length; summed in float64 in prompt order). */
  meanOf(batches: readonly PromptBatch[], of: Side | 'both'): Promise<MeanHandle>;
  /** Means over prompts and positions of a side, as constants; batches may differ in length. */
  constantMeans(batches: readonly PromptBatch[], from: Side): Promise<ConstantPatch>;
  /** How the loss of patched runs moves with the constants that are patched in; means over prompts. */
  constantGradient(batch: PromptBatch, request: ConstantGradientRequest): Promise<ConstantGradient>;
  /** What each source outputs `[sources, prompts, pos, dModel]` on a side, or under an ablation. For people and tests: big. */
  sourceOutputs(batch: PromptBatch, what: Side | PatchDescription): Promise<Tensor<Float32Array>>;
  dispose(): Promise<void>;
}

export interface ConstantGradientRequest {
  readonly input: Side;
  readonly patch: ConstantPatch;
  readonly mask: Mask;
  /** With its targets or reference. */
  readonly objective: Exclude<Objective, { kind: 'answers' }>;
}

/** Mean over the batch's prompts. */
export interface ConstantGradient {
  readonly loss: number;
  /** ∂loss/∂constants by site: [rows · width]. */
  readonly gradients: Readonly<Record<string, Float64Array>>;
}

/** What is measured of an edge, as a program fragment. */
export interface EdgeMeasure {
  /** The program is kept under it: another measure needs another name. */
  readonly name: string;
  /**
   * @param read what a destination reads, before its norm, [batch, pos, dModel]
   * @param written what the sources upstream of it wrote, block by block, each [rows, batch, pos, dModel]
   * @returns a number for each source and position, [sources, batch, pos]
   */
  of(builder: ProgramBuilder, read: AnyValue, written: readonly AnyValue[]): AnyValue;
}
