/** @file What algorithms and metrics see of a model: `PatchableModel`. All calls are asynchronous; no caller sees a backend. */

import type { Graph, Mask } from '../../graph/types.js';
import type { BackwardOverride } from '../../ir/autodiff/backward-overrides.js';
import type { ProgramBuilder } from '../../ir/builder/builder.js';
import type { AnyValue } from '../../ir/program/program.js';
import type { KlObjective, MseObjective, Objective } from '../../objectives/objective.js';
import type { OutputReadings } from '../../objectives/readings.js';
import type { OutputPositions } from '../../prompts/output-positions.js';
import type { ModelInput, PromptBatch, Side } from '../../prompts/types.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { ConstantPatch, MeanHandle, PatchDescription } from './ablations.js';

/** How much memory may be used. */
export interface MemoryLimit {
  readonly bytes: number;
  /** Asked for by the user: what cannot fit is refused. Otherwise the least is taken that runs at all. */
  readonly strict: boolean;
}

/** A run of one side with some edges patched. */
export interface PatchedRunRequest {
  /** The side that is run; the other (by default) is patched in. */
  readonly input: Side;
  readonly patch: PatchDescription;
  readonly mask: Mask;
  /** Ends of roles (`attn.pattern`, `scale`) whose values stay those of the plain run of `input`, whatever is patched. */
  readonly frozen?: readonly string[];
}

/** Runs under any number of masks. */
export interface PatchedMasksRequest extends Omit<PatchedRunRequest, 'frozen' | 'mask'> {
  readonly masks: readonly Mask[];
  /**
   * What is read of the outputs in place of logits, where the model's are read at the last position: each run then gives
   * [prompts, readings], as `readRows` takes them.
   */
  readonly readings?: OutputReadings;
}

/** Runs under one mask with some more edges patched each time: what searches try. */
export interface PatchedVariantsRequest extends Omit<PatchedRunRequest, 'frozen'> {
  /** Edges (canonical numbers) that a variant patches wholly on top of the mask. Any number of variants, taken as they are run. */
  readonly variants: Iterable<readonly number[]>;
  /** Whether every group also runs the mask by itself: by the same program, so that rounding cancels in differences. */
  readonly baseline?: boolean;
  /**
   * How likely it is (0 to 1) that after one variant the next is still wanted: the engine runs so far ahead of the caller.
   * Default 1: all are wanted.
   */
  readonly chance?: number;
}

/** Variants that were run together. Work that is taken up again at the beginning of a group comes to the same last bit. */
export interface VariantGroup {
  /** Logits of each of the next variants, in their order, as `patchedRun` gives them. */
  readonly logits: readonly Tensor<Float32Array>[];
  /** Logits under the mask alone; null where no baseline was asked for. */
  readonly baseline: Tensor<Float32Array> | null;
}

/**
 * Where a gradient is taken; in all of them the activation differences stay those of the two sides.
 * - mask: under a mask (a number fills it);
 * - input: at an interpolated input, whose `Resid Start` is patch + alpha · (input − patch), as EAP-IG (inputs) has it;
 * - start: at any input, given as what `Resid Start` writes [prompts, pos, dModel];
 * - activations: where the source block of a site writes patch + alpha · (input − patch), as EAP-IG (activations) has it.
 */
export type GradientPoint =
  | { readonly kind: 'mask'; readonly mask: Mask | number }
  | { readonly kind: 'input'; readonly alpha: number }
  | { readonly kind: 'start'; readonly values: Tensor<Float32Array> }
  | { readonly kind: 'activations'; readonly site: string; readonly alpha: number };

/** A gradient of a loss with respect to the mask of every edge. */
export interface MaskGradientRequest {
  readonly input: Side;
  readonly patch: PatchDescription;
  readonly objective: Objective;
  /** Default: mask 0 everywhere, where the forward pass is a plain run of `input`. */
  readonly at?: GradientPoint;
  /**
   * What gradients do differently at values of a role (RelP, GIM). Forward values stay. At mask 0, what a module adds to the
   * stream has a role, too: `stop` at `L3.mlp.write` is a gradient that does not pass through that MLP.
   */
  readonly backward?: readonly BackwardOverride[];
  /** Whether M itself is wanted, too. */
  readonly losses?: boolean;
  /** Whether the single numbers that nodes write are scored, too; not under a mask other than 0. */
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

/** A model whose edges can be patched: what algorithms and metrics work with. The engine behind it decides how much runs at once. */
export interface PatchableModel {
  readonly graph: Graph;
  /** Length of the output axis (the vocabulary, for language models). */
  readonly outputSize: number;
  /** Where outputs are read: what `run`, `patchedRun` and objectives give and take. */
  readonly outputs: OutputPositions;
  /** The roles that values of this model have, without the layer in front: what `readValues` and backward overrides may name. */
  readonly roles: readonly string[];
  /** The memory limit that runs are divided to fit. Dividing them changes the last digits of sums. Absent where nothing is divided. */
  readonly memoryLimit?: MemoryLimit;
  /** A plain run: [n, outputSize] at the last position, or [n, positions, outputSize]; default `outputs`. */
  run(input: ModelInput, positions?: OutputPositions): Promise<Tensor<Float32Array>>;
  /**
   * `run` of a side of each batch. What the sources write is kept, if all of it can be: runs that patch this side in go through
   * it once less.
   * @param signal looked at before every batch
   */
  runSide(batches: readonly PromptBatch[], side: Side, signal?: AbortSignal): Promise<Tensor<Float32Array>[]>;
  /**
   * Two passes: stores what every source outputs on the patching side, then runs `input` with each destination given
   * mask · (stored − this run's). Logits `[prompts, outputSize]`, or `[prompts, positions, outputSize]`.
   * @throws AutoCircuitError `unknown-name` for a frozen role that this model does not have
   */
  patchedRun(batch: PromptBatch, request: PatchedRunRequest): Promise<Tensor<Float32Array>>;
  /**
   * `patchedRun` under each of any number of masks: logits of each, in order. Neighbours run together where that costs less;
   * which do depends on the whole list, and rounding on which do.
   */
  patchedRuns(batch: PromptBatch, request: PatchedMasksRequest): Promise<Tensor<Float32Array>[]>;
  /**
   * `patchedRuns` on several batches: by batch, then by mask. The same results; runs of one program come one after the other.
   * @param requests one for each batch, that differ in `readings` alone
   * @param signal looked at before every run
   */
  patchedRunsOn(
    batches: readonly PromptBatch[],
    requests: readonly PatchedMasksRequest[],
    signal?: AbortSignal,
  ): Promise<Tensor<Float32Array>[][]>;
  /**
   * `patchedRun` for each of any number of variants of a mask, in order and on demand, so that stopping early
   * wastes little. Neighbours whose edges lead to one site run together, from that site on where nothing before it is
   * patched. How variants are grouped depends on the variants and the graph alone, not on the batch.
   */
  patchedVariants(batch: PromptBatch, request: PatchedVariantsRequest): AsyncIterable<VariantGroup>;
  /**
   * Ranges `[start, stop)` of a list of `count` masks, each as long as it is worth handing to `patchedRuns` at once on all of
   * these batches: masks that may share a run, while the outputs take little memory.
   */
  maskWindows(batches: readonly PromptBatch[], count: number): readonly (readonly [start: number, stop: number])[];
  /** ∂M/∂mask of every edge and prompt, at one point. */
  maskGradient(batch: PromptBatch, request: MaskGradientRequest): Promise<PromptGradients>;
  /** `maskGradient` at each of any number of interpolated inputs (`at: { kind: 'input', alpha }`), in order; some run together. */
  gradientsBetween(
    batch: PromptBatch,
    request: Omit<MaskGradientRequest, 'at'>,
    alphas: readonly number[],
  ): AsyncIterable<PromptGradients>;
  /**
   * Values inside a plain run of a side, by their whole role (`L0.attn.pattern`): the prompts first, then as `ROLES` says.
   * @param roles ends of roles, as in backward overrides: `attn.pattern`, `L3.mlp.act`, `end.read`
   * @throws AutoCircuitError `unknown-name` for a role that this model does not have
   */
  readValues(
    batch: PromptBatch,
    side: Side,
    roles: readonly string[],
  ): Promise<Readonly<Record<string, Tensor<Float32Array>>>>;
  /**
   * ∂M/∂(values inside a plain run), along all paths from there; at the prompts of a side, or at any input (`start`).
   * @throws AutoCircuitError `unknown-name` for a role that this model does not have
   */
  valueGradients(batch: PromptBatch, request: ValueGradientRequest): Promise<ValueGradients>;
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
  /** Lets go of compiled programs and of all that is cached. */
  dispose(): Promise<void>;
}

/** A gradient with respect to values inside a plain run. */
export interface ValueGradientRequest {
  readonly input: Side;
  readonly objective: Objective;
  /** Ends of roles: `attn.pattern`, `L3.mlp.act`, `start.write`. */
  readonly roles: readonly string[];
  /** What `Resid Start` writes in place of its own: [prompts, pos, dModel]. */
  readonly start?: Tensor<Float32Array>;
  /** What gradients do differently at values of a role, as in `MaskGradientRequest`. */
  readonly backward?: readonly BackwardOverride[];
}

/** What a gradient with respect to values came to. */
export interface ValueGradients {
  /** M of each prompt [prompts]. */
  readonly losses: Float32Array;
  /** By whole role, the prompts first, as `readValues` gives the values. */
  readonly gradients: Readonly<Record<string, Tensor<Float32Array>>>;
}

/** A gradient with respect to the constants that are patched in. */
export interface ConstantGradientRequest {
  readonly input: Side;
  readonly patch: ConstantPatch;
  readonly mask: Mask;
  /** With its targets or reference. */
  readonly objective: MseObjective | KlObjective;
}

/** Mean over the batch's prompts. */
export interface ConstantGradient {
  readonly loss: number;
  /** ∂loss/∂constants by site: [rows · width]. */
  readonly gradients: Readonly<Record<string, Float64Array>>;
}

/** What is measured of an edge, as a program fragment. */
export interface EdgeMeasure {
  /** Its name in messages. */
  readonly name: string;
  /**
   * @param read what a destination reads, before its norm, [batch, pos, dModel]
   * @param written what the sources upstream of it wrote, block by block, each [rows, batch, pos, dModel]
   * @param other the same of the run on the other side, where the measure is `twoSided`
   * @returns a number for each source and position, [sources, batch, pos]
   */
  of(builder: ProgramBuilder, read: AnyValue, written: readonly AnyValue[], other: OtherSide | null): AnyValue;
  /** Whether it compares with a run on the other side. Default: no. */
  readonly twoSided?: boolean;
}

/** What the run on the other side has at the same destination. */
export interface OtherSide {
  /** [batch, pos, dModel]. */
  readonly read: AnyValue;
  /** Block by block, each [rows, batch, pos, dModel]. */
  readonly written: readonly AnyValue[];
}
