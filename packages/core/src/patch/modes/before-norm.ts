/**
 * @file Gradients between the two factors of a norm. All rows of a site read one residual, so they share c (the centred
 * residual) and its scale s, and the norm's own backward pass is taken once, on what they have together. What single rows need
 * of it follows from the gradients at a row's c and s:
 *   ∂M/∂in · D = ∂M/∂c · D − mean(∂M/∂c)·ΣD − ∂M/∂s · s³/dModel · (c·D)   by token
 * for a layer norm, and without the middle term for an RMS norm. Heads scale after their projections, where a row is dHead
 * numbers instead of dModel: ∂M/∂c of a row is then one product, and nothing else of its size is made.
 */
import type { ProgramBuilder } from '../../ir/builder/builder.js';
import type { Dim } from '../../ir/program/dims.js';
import type { AnyValue } from '../../ir/program/program.js';
import { type HeadProjection, projectHeads, withHeadBias } from '../../model/head-projections.js';
import { type Norm, type NormFactors, normFactors, withNormWeights } from '../../model/norm.js';

/** A norm that some rows read through, taken apart: the factors c and s that they share, and the copies that each row reads. */
export interface ReadBeforeScale extends NormFactors {
  readonly kind: Norm['kind'];
  /** What each row reads of c [rows, batch, pos, dModel] and of s [rows, batch, pos, 1]. */
  readonly rows: NormFactors;
  /** Where heads project c before it is scaled; null where rows are read as they are. */
  readonly projected: ProjectedCentre | null;
}
/** What heads make of c: [groups, rows per group or 1, batch, pos, width], by weights [groups, width, dModel]. */
export interface ProjectedCentre {
  readonly value: AnyValue;
  readonly weight: AnyValue;
  /** The weight of the norm [dModel], where it has one. */
  readonly normWeight: AnyValue | null;
}

/** Takes a norm of a residual [1, batch, pos, dModel] apart for so many rows that read through it. */
export function readBeforeScale(b: ProgramBuilder, residual: AnyValue, norm: Norm, rows: Dim): ReadBeforeScale {
  const factors = normFactors(b, residual, norm); // [1, batch, pos, dModel] and [1, batch, pos, 1]
  const spread = (x: AnyValue): AnyValue => b.broadcast(x, [rows, ...x.shape.slice(1)]);
  const own = { centred: spread(factors.centred), scale: spread(factors.scale) };
  return { ...factors, kind: norm.kind, rows: own, projected: null };
}

/** What the rows read after the norm and its weights: [rows, batch, pos, dModel]. */
export const scaledRows = (b: ProgramBuilder, { rows }: ReadBeforeScale, norm: Norm): AnyValue =>
  withNormWeights(b, b.mul(rows.centred, rows.scale), norm);

/** The same after the heads' projections, where it is scaled: [groups, rows per group or 1, batch, pos, width]. */
export function projectedRows(
  b: ProgramBuilder,
  { rows }: Pick<ReadBeforeScale, 'rows'>,
  norm: Norm,
  { weight, bias }: HeadProjection,
): { readonly value: AnyValue; readonly projected: ProjectedCentre } {
  const bare = { weight, bias: null };
  const projected = projectHeads(b, norm.weight ? b.mul(rows.centred, norm.weight) : rows.centred, bare);
  const scaled = b.mul(projected, b.reshape(rows.scale, [...projected.shape.slice(0, -1), 1]));
  const biased = withHeadBias(b, scaled, bias);
  // The norm's bias is the same for every token.
  const value = norm.bias
    ? b.add(biased, projectHeads(b, b.reshape(norm.bias, [1, 1, 1, norm.bias.shape[0]!]), bare))
    : biased;
  return { value, projected: { value: projected, weight, normWeight: norm.weight } };
}
