/** @file The programs of pieces: forward, backward, and what is computed between them: differences, scores, edge sums. */

import { type BackwardOverride, backwardOverrideOf } from '../../ir/autodiff/backward-overrides.js';
import { gradient } from '../../ir/autodiff/gradient.js';
import { hasRole, requireRoles } from '../../ir/autodiff/roles.js';
import { ProgramBuilder } from '../../ir/builder/builder.js';
import { ProgramPart } from '../../ir/builder/program-part.js';
import type { AnyValue, Program } from '../../ir/program/program.js';
import { type ObjectiveShape, objectiveFragment } from '../../objectives/fragment.js';
import { type ReadingsShape, readingsFragment } from '../../objectives/readings.js';
import { batchFirst, contractScores, edgeSum, type MaskAxes } from '../modes/activation-differences.js';
import { outputsByRow, type SourceActivations } from '../modes/points.js';
import {
  finish,
  finishForLogits,
  finishGradient,
  LOGITS,
  LOSSES,
  type Setting,
  sourceOutputName,
} from '../programs/programs.js';
import type { PieceRead, PieceTrace } from './piece-trace.js';

/** The residual that a piece is handed, and the one that it hands on: [batch, pos, dModel]. */
export const RESIDUAL = 'residual';
export const NEXT_RESIDUAL = 'next-residual';
/** ∂M/∂(the residual after a piece), fed; and ∂M/∂(the one before it): [batch, pos, dModel]. */
export const GRADIENT = 'gradient';
export const NEXT_GRADIENT = 'next-gradient';
/** The gradient at what the n-th read of a piece reads: [rows, batch, pos, dModel]. */
export const readGradientName = (read: number): string => `read:${read}`;

/** Activations of a source block in two runs [rows, batch, pos, width]; and what they differ in, or the scores and sums of that. */
export const CURRENT = 'current';
export const PATCH = 'patch';
export const DIFFERENCES = 'differences';
export const WEIGHTS = 'weights';
export const RESULT = 'result';

/** What a forward piece gives beside the residual that it hands on. */
export interface ForwardOptions {
  /** Whether the source activations are outputs, too. */
  readonly captures: boolean;
  readonly readings?: ReadingsShape | undefined;
}

/** residual (or the model's input) → the residual that is handed on, or logits; and source activations. */
export function forwardPiece(
  setting: Setting,
  { builder, pieces, logits }: PieceTrace,
  place: number,
  { captures, readings }: ForwardOptions,
): Program {
  const { before, after, writes } = pieces[place]!;
  const b = new ProgramBuilder(`${builder.name}-${place}`);
  const part = partOf(builder, b, before);
  if (after) b.output(NEXT_RESIDUAL, part.take(after));
  else {
    const all = part.take(logits);
    b.output(LOGITS, readings ? readingsFragment(b, readings, all) : all);
  }
  if (!captures) return after ? finish(setting, b) : finishForLogits(setting, b);
  for (const { block, value } of writes) b.output(sourceOutputName(block.site), part.take(value));
  return finish(setting, b);
}

/** What a backward piece is made for. */
export interface BackwardOptions {
  readonly objective: ObjectiveShape;
  readonly losses: boolean;
  readonly backward: readonly BackwardOverride[];
}

/** residual, gradient after (or what the objective is fed) → gradients at what is read and before; in the last piece also M. */
export function backwardPiece(
  setting: Setting,
  { builder, pieces, logits }: PieceTrace,
  place: number,
  { objective, losses, backward }: BackwardOptions,
): Program {
  const { before, after, reads } = pieces[place]!;
  const b = new ProgramBuilder(`backward-${place}`);
  const part = partOf(builder, b, before);
  const own = reads.map((read) => takeRead(part, read));
  const residual = part.take(before!);
  let loss: AnyValue;
  if (after) {
    const end = part.take(after);
    loss = b.sum(b.mul(end, b.input(GRADIENT, 'float', end.shape)), [0, 1, 2]);
  } else {
    const byPrompt = objectiveFragment(b, objective, part.take(logits)); // [batch]
    if (losses) b.output(LOSSES, byPrompt);
    loss = b.sum(byPrompt, 0);
  }
  const wanted = [
    ...own.flatMap(({ value, beforeScale }) => (beforeScale ? [value, beforeScale.rows.scale] : [value])),
    residual,
  ];
  // A role may be one of other layers only.
  const here = backward.filter(({ role }) => b.values.some((value) => hasRole(value, role)));
  const found = gradient(b, loss, wanted, here);
  const gradients = new Map(wanted.map((value, i) => [value.id, found[i]!]));
  for (const [i, read] of own.entries())
    b.output(
      readGradientName(i),
      beforeNorm(b, read, (of) => gradients.get(of.id)!),
    );
  b.output(NEXT_GRADIENT, gradients.get(residual.id)!);
  return finishGradient(setting, b);
}

/** @throws AutoCircuitError `unknown-name` for an override of a role that no value of the model has */
export function checkOverrides({ builder }: PieceTrace, backward: readonly BackwardOverride[]): void {
  requireRoles(
    'core/ir gradient',
    builder.values,
    backward.map(({ role }) => role),
  );
  for (const value of backward.length > 0 ? builder.values : []) backwardOverrideOf(backward, value);
}

/**
 * The gradient at what rows read before their norm, from those at its two factors c and s (`modes/before-norm.ts`):
 * ∂M/∂in = ∂M/∂c − mean(∂M/∂c) − ∂M/∂s · s³/dModel · c, without the middle term for an RMS norm.
 */
function beforeNorm(
  b: ProgramBuilder,
  { value, beforeScale }: PieceRead,
  gradientOf: (of: AnyValue) => AnyValue,
): AnyValue {
  const direct = gradientOf(value); // [rows, batch, pos, dModel]
  if (!beforeScale) return direct;
  const { kind, rows, scale, centred } = beforeScale; // scale [1, batch, pos, 1], centred [1, batch, pos, dModel]
  const dModel = centred.shape.at(-1) as number;
  const cubed = b.mul(b.mul(scale, b.mul(scale, scale)), 1 / dModel); // [1, batch, pos, 1]
  const along = b.mul(b.mul(gradientOf(rows.scale), cubed), centred); // [rows, batch, pos, dModel]
  const centredDirect = kind === 'layerNorm' ? b.sub(direct, b.mean(direct, 3, true)) : direct;
  return b.sub(centredDirect, along);
}

/** current, patch (or zeros) → what a source block's nodes write in one and not in the other, [rows, batch, pos, dModel]. */
export function differenceProgram(
  setting: Setting,
  { builder }: PieceTrace,
  { block, value, projection }: SourceActivations,
  patched: boolean,
): Program {
  const b = new ProgramBuilder(`difference-${block.site}`);
  const part = new ProgramPart(builder, b);
  const current = b.input(CURRENT, 'float', value.shape); // [rows, batch, pos, width]
  const difference = patched ? b.sub(b.input(PATCH, 'float', value.shape), current) : b.neg(current);
  b.output(RESULT, outputsByRow(b, { value: difference, projection: projection && part.take(projection) }));
  return finish(setting, b);
}

/** gradients at what rows read, differences of some sources → scores [batch, pos?, rows, sources]. */
export function scoreProgram(setting: Setting): Program {
  const { graph } = setting;
  const { dModel } = graph.layout;
  const b = new ProgramBuilder('piece-scores');
  const gradients = b.input(GRADIENT, 'float', ['rows', 'batch', 'pos', dModel]);
  const value = b.input(DIFFERENCES, 'float', ['sources', 'batch', 'pos', dModel]);
  const keepPositions = graph.options.positions !== null;
  b.output(RESULT, contractScores(b, keepPositions, gradients, [{ start: 0, stop: 0, value }]));
  return finish(setting, b);
}

/** mask columns, differences of some sources → what they add to what rows read, [rows, batch, pos, dModel]. */
export function edgeSumProgram(setting: Setting, axes: MaskAxes): Program {
  const b = new ProgramBuilder('piece-edge-sum');
  const leading = axes.perPosition ? [axes.perItem ? 'batch' : 1, 'pos'] : axes.perItem ? ['batch'] : [];
  const weights = b.input(WEIGHTS, 'float', [...leading, 'rows', 'sources']);
  const rows = b.input(DIFFERENCES, 'float', ['sources', 'batch', 'pos', setting.graph.layout.dModel]);
  const sources = batchFirst(axes) ? b.transpose(rows, [1, 0, 2, 3]) : rows;
  b.output(RESULT, edgeSum(b, axes, [{ weights, sources }]));
  return finish(setting, b);
}

function partOf(whole: ProgramBuilder, b: ProgramBuilder, before: AnyValue | null): ProgramPart {
  const part = new ProgramPart(whole, b);
  if (before) part.replace(before, b.input(RESIDUAL, 'float', before.shape));
  return part;
}

function takeRead(part: ProgramPart, { blocks, value, beforeScale }: PieceRead): PieceRead {
  if (!beforeScale) return { blocks, value: part.take(value), beforeScale };
  const { rows, scale, centred } = beforeScale;
  const own = { centred: part.take(rows.centred), scale: part.take(rows.scale) };
  const taken = { ...beforeScale, rows: own, scale: part.take(scale), centred: part.take(centred), projected: null };
  return { blocks, value: part.take(value), beforeScale: taken };
}
