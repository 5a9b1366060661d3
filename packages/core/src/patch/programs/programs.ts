/**
 * @file The programs of a patchable model: what the engine compiles. Each is one call of the model's trace (or two) under
 * a mode, simplified. Every program takes inputs by name and any `batch` and `pos`.
 */

import type { Graph } from '../../graph/types.js';
import type { BackwardOverride } from '../../ir/autodiff/backward-overrides.js';
import { gradient } from '../../ir/autodiff/gradient.js';
import { requireRoles } from '../../ir/autodiff/roles.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import { eliminatePads } from '../../ir/passes/pad-elimination.js';
import { simplify } from '../../ir/passes/simplify.js';
import { pushDownSlices } from '../../ir/passes/slice-pushdown.js';
import { type DimLike, subtractDims } from '../../ir/program/dims.js';
import type { AnyValue, Program } from '../../ir/program/program.js';
import type { ModelObject } from '../../model/model.js';
import type { PatchPoints } from '../../model/patch-points.js';
import { type ObjectiveShape, objectiveFragment } from '../../objectives/fragment.js';
import { type ReadingsShape, readingsFragment } from '../../objectives/readings.js';
import type { OutputPositions } from '../../prompts/output-positions.js';
import {
  ActivationDifferences,
  batchFirst,
  type MaskAxes,
  type PatchValue,
  ROWS_OF_A_PRODUCT,
} from '../modes/activation-differences.js';
import type { ReadBeforeScale } from '../modes/before-norm.js';
import { interpolatedPoints } from '../modes/interpolated.js';
import { outputNeurons, watchedPoints } from '../modes/node-outputs.js';
import { formFor, type PatchForm, patchedPoints } from '../modes/patched.js';
import { activationsOf, capturePoints, plainPoints } from '../modes/plain.js';
import { type BlockGroup, outputsByRow, type SourceActivations, type TraceScope } from '../modes/points.js';
import { readingPoints } from '../modes/reading.js';
import { type DestinationRead, outputScores, wantedOf } from './edge-scores.js';
import { FreezingBuilder } from './frozen-values.js';
import { holdsForWrites, namedWrites } from './named-writes.js';

/** The names of inputs and outputs that the engine feeds and reads. */
export const INPUT = 'input';
export const PATCH_INPUT = 'patch-input';
export const LOGITS = 'logits';
/** The input of a program through which what a site writes is patched in. */
export const patchInputName = (site: string): string => `patch:${site}`;
export const currentInputName = (site: string): string => `current:${site}`;
/** The output of a program that holds what a site writes. */
export const sourceOutputName = (site: string): string => `source:${site}`;
export const scoreOutputName = (module: string): string => `score:${module}`;
export const START_INPUT = 'start';
export const LOSSES = 'losses';

/** What every program is made for. */
export interface Setting {
  readonly model: ModelObject;
  readonly graph: Graph;
  /** Off in tests that compare a program with its simplified form. */
  readonly simplified?: boolean;
}

/** The scope of a trace of the model, with its input as an input of the program. */
export function scopeOf(
  { model, graph }: Setting,
  builder: ProgramBuilder,
  input = INPUT,
  batch: DimLike = 'batch',
): TraceScope {
  const { dtype, features } = model.spec.input;
  return {
    builder,
    graph,
    input: builder.input(input, dtype, [batch, 'pos', ...features]),
    weight: (name, shape) => builder.weight(name, shape),
    prefix: model.spec.prefix ?? 0,
  };
}
/** The program that was built, simplified. */
export const finish = ({ simplified = true }: Setting, b: ProgramBuilder): Program =>
  simplified ? simplify(b.build()) : b.build();
/** Where logits are all that is wanted: what leads to the last position only is computed for it alone. */
export const finishForLogits = (setting: Setting, b: ProgramBuilder): Program => {
  const program = finish(setting, b);
  return setting.simplified === false ? program : simplify(pushDownSlices(program));
};

/** Logits at the last position [batch, outputs], or at several [batch, positions, outputs]; by default those of the model. */
export function readOut({ model }: Setting, points: PatchPoints, positions = model.spec.outputs ?? 'last'): AnyValue {
  const b = points.builder;
  const end = model.trace(points); // [batch, pos, dModel]
  if (positions === 'all') return model.unembed(points, end);
  const pos = b.dim(end, 1);
  if (positions === 'not-first') return model.unembed(points, b.slice(end, 1, 1, pos));
  const logits = model.unembed(points, b.slice(end, 1, subtractDims(pos, 1), pos)); // [batch, 1, outputs]
  return b.reshape(logits, [logits.shape[0]!, logits.shape[2]!]);
}

/** A plain run: input → logits. */
export function plainProgram(setting: Setting, positions: OutputPositions): Program {
  const b = new ProgramBuilder(`plain-${positions}`);
  b.output(LOGITS, readOut(setting, plainPoints(scopeOf(setting, b)), positions));
  return finish(setting, b);
}

/**
 * input → the source activations of every site, as the trace writes them (before the projection): [rows, batch, pos, width].
 * @param logits whether the logits are an output, too
 */
export function captureProgram(setting: Setting, logits = false): Program {
  const b = new ProgramBuilder('capture');
  const collected: SourceActivations[] = [];
  const points = capturePoints(scopeOf(setting, b), (written) => collected.push(written));
  if (logits) b.output(LOGITS, readOut(setting, points));
  else setting.model.trace(points);
  for (const block of setting.graph.sourceBlocks) {
    b.output(sourceOutputName(block.site), activationsOf(collected, block).value);
  }
  return finish(setting, b);
}

/** Source activations → what each node adds to the residual stream, [rows, batch, pos, dModel] by site. */
export function projectProgram(setting: Setting): Program {
  const b = new ProgramBuilder('project');
  const collected: SourceActivations[] = [];
  setting.model.trace(capturePoints(scopeOf(setting, b), (written) => collected.push(written)));
  for (const block of setting.graph.sourceBlocks) {
    const { value, projection } = activationsOf(collected, block);
    const fed = b.input(patchInputName(block.site), 'float', value.shape);
    b.output(sourceOutputName(block.site), outputsByRow(b, { value: fed, projection }));
  }
  return finish(setting, b);
}

/**
 * Where the patched-in values come from: fed as inputs; zeros; or `fused`, a first pass in the same program on the input
 * `PATCH_INPUT` (for values that are needed once).
 */
export type PatchSupply = 'fed' | 'zero' | 'fused';
/** What a program with patched edges is made of. */
export interface PatchedSetting extends Setting {
  readonly supply: PatchSupply;
  readonly axes: MaskAxes;
  readonly form?: PatchForm;
  readonly readings?: ReadingsShape;
  /** Roles whose values stay those of the plain run. */
  readonly frozen?: readonly string[];
}

/** The logits [batch, outputs], or what is read of them [batch, readings]. */
export const outputsOf = (setting: Setting & { readonly readings?: ReadingsShape }, points: PatchPoints): AnyValue => {
  const logits = readOut(setting, points);
  return setting.readings ? readingsFragment(points.builder, setting.readings, logits) : logits;
};

function suppliedPatch(setting: PatchedSetting, b: ProgramBuilder): (written: SourceActivations) => PatchValue {
  const { supply } = setting;
  if (supply === 'zero') return () => null;
  if (supply === 'fed') return ({ block, value }) => b.input(patchInputName(block.site), 'float', value.shape);
  const collected: SourceActivations[] = [];
  setting.model.trace(capturePoints(scopeOf(setting, b, PATCH_INPUT), (written) => collected.push(written)));
  return ({ block }) => activationsOf(collected, block).value;
}

/** input, mask, patch → logits, or what is read of them: the second pass. */
export function patchedProgram(setting: PatchedSetting): Program {
  const b = new FreezingBuilder(`patched-${setting.supply}`);
  const { frozen = [] } = setting;
  if (frozen.length > 0) {
    readOut(setting, plainPoints(scopeOf(setting, b)));
    requireRoles('core/patch', b.values, frozen);
    b.keep();
  }
  const patchOf = suppliedPatch(setting, b); // a pass in the same program is a run of its own
  if (frozen.length > 0) b.freeze(frozen);
  const points = patchedPoints({
    ...scopeOf(setting, b),
    form: setting.form ?? formFor(setting.graph),
    axes: setting.axes,
    differences: new ActivationDifferences(b, batchFirst(setting.axes)),
    joinsRows: false,
    patchOf,
    onRead: (_group, value) => value,
  });
  b.output(LOGITS, outputsOf(setting, points));
  return finishForLogits(setting, b);
}

/**
 * How the second pass of a gradient runs:
 * - `patched`: under a mask that is fed;
 * - `atZero`: the mask is 0 everywhere, so the forward pass is a plain one;
 * - `interpolatedInput`: at 0, with the running `Resid Start` output fed and the differences taken between two fed runs;
 * - `interpolatedActivations`: the same with one source block's output between the two runs, chosen when it runs
 *   (`modes/interpolated.ts`).
 */
export type GradientForward = 'patched' | 'atZero' | 'interpolatedInput' | 'interpolatedActivations';

/** What a gradient's program is made of. */
export interface GradientSetting extends PatchedSetting {
  readonly forward: GradientForward;
  readonly objective: ObjectiveShape;
  /** Whether M of each prompt [batch] is an output, too. */
  readonly losses?: boolean;
  /** Whether the logits are all that is wanted, of the same forward pass: the first of two runs of a loss on the host. */
  readonly logitsOnly?: boolean;
  /** What gradients do differently at values of a role. */
  readonly backward?: readonly BackwardOverride[];
  /** Whether the numbers that nodes write have scores, too; not under a mask. */
  readonly neurons?: boolean;
}

/** Gradients are zero where a module's output leads nowhere: at all but the last position of the last layer's MLP, and the like. */
export const finishGradient = (setting: Setting, b: ProgramBuilder): Program => {
  const program = finish(setting, b);
  return setting.simplified === false ? program : simplify(pushDownSlices(eliminatePads(program)));
};

/** input, patch (and mask) → ∂M/∂mask of each prompt, by destination module [batch, pos?, heads or 1, sources]. */
export function gradientProgram(setting: GradientSetting): Program {
  const { graph, forward } = setting;
  const b = new ProgramBuilder(`gradient-${forward}`);
  const byBatch = forward === 'patched' && batchFirst(setting.axes);
  const differences = new ActivationDifferences(b, byBatch, forward === 'patched' ? undefined : ROWS_OF_A_PRODUCT);
  const reads: DestinationRead[] = [];
  const onRead = (blocks: BlockGroup, value: AnyValue, beforeScale: ReadBeforeScale | null = null): AnyValue => {
    const { start, stop } = blocks[0]!.sources;
    reads.push({ blocks, value, beforeScale, upstream: differences.covering(start, stop) });
    return value;
  };
  const patchOf = suppliedPatch(setting, b);
  const written = new Map<string, AnyValue>(); // by site, [batch, pos, dModel]
  const points = pointsFor();
  const watched = setting.neurons ? watchedPoints(graph, points, (site, value) => written.set(site, value)) : points;
  const named = holdsForWrites(setting.backward ?? []) && forward !== 'patched' ? namedWrites(watched) : watched;
  const logits = readOut(setting, named); // [batch, positions?, outputs]
  if (setting.logitsOnly) {
    b.output(LOGITS, logits);
    return finishForLogits(setting, b);
  }
  const losses = objectiveFragment(b, setting.objective, logits); // [batch]
  if (setting.losses) b.output(LOSSES, losses);
  const wanted = [...reads.flatMap(wantedOf), ...written.values()];
  const found = gradient(b, b.sum(losses, 0), wanted, setting.backward);
  const gradients = new Map(wanted.map((value, i) => [value.id, found[i]!]));
  const gradientOf = (value: AnyValue): AnyValue => gradients.get(value.id)!;
  if (setting.neurons) {
    const gradientsOf = new Map([...written].map(([site, value]) => [site, gradientOf(value)]));
    outputNeurons(b, graph, differences, gradientsOf);
  }
  outputScores(b, reads, {
    graph,
    differences,
    batchFirst: byBatch,
    gradientOf,
    output: (module, scores) => b.output(scoreOutputName(module), scores),
  });
  return finishGradient(setting, b);

  function pointsFor(): PatchPoints {
    const scope = scopeOf(setting, b);
    if (forward === 'patched') {
      return patchedPoints({
        ...scope,
        form: setting.form ?? formFor(graph),
        axes: setting.axes,
        differences,
        joinsRows: true,
        patchOf,
        onRead,
      });
    }
    const currentOf = ({ site }: SourceActivations['block'], shape: AnyValue['shape']): AnyValue =>
      b.input(currentInputName(site), 'float', shape);
    const collect = (written: SourceActivations): void => {
      const value = forward === 'atZero' ? written.value : currentOf(written.block, written.value.shape);
      differences.add({ ...written, value }, patchOf(written));
    };
    const startOf =
      forward === 'interpolatedInput'
        ? ({ value }: SourceActivations) => b.input(START_INPUT, 'float', value.shape)
        : undefined;
    // Other backward rules may change what a norm does to gradients.
    const points = readingPoints(scope, collect, onRead, { beforeScale: !setting.backward?.length, startOf });
    if (forward !== 'interpolatedActivations') return points;
    return interpolatedPoints(graph, points, (block, shape) => ({
      current: currentOf(block, shape),
      patch: setting.supply === 'fed' ? b.input(patchInputName(block.site), 'float', shape) : null,
    }));
  }
}
