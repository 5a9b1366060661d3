/**
 * @file The reading mode: the model as it is, where what every group of destination blocks reads is a value of its own, so that
 * gradients can be taken with respect to it. These are the gradients at mask 0.
 */
import type { AnyValue } from '../../ir/program/program.js';
import { type HeadProjection, projectHeads, splitStacked } from '../../model/head-projections.js';
import { normed } from '../../model/norm.js';
import type { PatchPoints } from '../../model/patch-points.js';
import { projectedRows, type ReadBeforeScale, readBeforeScale, scaledRows } from './before-norm.js';
import {
  type BlockGroup,
  contribution,
  type ModeRules,
  makePoints,
  oneRow,
  readsQkvSeparately,
  rowsOf,
  type SourceActivations,
  type TraceScope,
} from './points.js';

/**
 * Gets what a group of blocks reads [rows, batch, pos, dModel], and where that is taken between the two factors of a norm, the
 * norm; gives what the trace goes on with.
 */
export type OnRead = (group: BlockGroup, value: AnyValue, norm: ReadBeforeScale | null) => AnyValue;

export interface ReadingOptions {
  /** Whether groups of several rows are read between the two factors of their norm (`before-norm.ts`). Default false. */
  readonly beforeScale?: boolean;
  /** What `Resid Start` writes in place of its own: [1, batch, pos, dModel]. */
  readonly startOf?: ((source: SourceActivations) => AnyValue) | undefined;
}

/** @param collect gets what every source block wrote, in the order of the sources */
export function readingPoints(
  scope: TraceScope,
  collect: (source: SourceActivations) => void,
  onRead: OnRead,
  { beforeScale = false, startOf }: ReadingOptions = {},
): PatchPoints {
  const { builder: b } = scope;
  const read: ModeRules['read'] = (_site, groups, residual, norm) =>
    groups.map((group) => {
      if (!norm || !beforeScale || rowsOf(group) === 1) {
        const rows = b.broadcast(oneRow(b, residual), [rowsOf(group), ...residual.shape]); // [rows, batch, pos, dModel]
        return normed(b, onRead(group, rows, null), norm);
      }
      const factors = readBeforeScale(b, oneRow(b, residual), norm, rowsOf(group));
      onRead(group, factors.rows.centred, factors);
      return scaledRows(b, factors, norm);
    });
  const write: ModeRules['write'] = (source) => {
    const written = startOf && source.block.at.kind === 'start' ? { ...source, value: startOf(source) } : source;
    collect(written);
    return contribution(b, written);
  };
  if (!beforeScale) return makePoints(scope, { read, write });
  const readHeads: ModeRules['readHeads'] = (site, blocks, residual, norm, projections) => {
    const one = (group: BlockGroup, projection: HeadProjection): AnyValue => {
      if (!norm || rowsOf(group) === 1) return projectHeads(b, read(site, [group], residual, norm)[0]!, projection);
      const factors = readBeforeScale(b, oneRow(b, residual), norm, rowsOf(group));
      const { value, projected } = projectedRows(b, factors, norm, projection);
      onRead(group, factors.rows.centred, { ...factors, projected });
      return value;
    };
    const { q, k, v, stacked } = projections;
    if (stacked && readsQkvSeparately(blocks)) return splitStacked(b, one(blocks, stacked));
    if (blocks.length === 3) return { q: one([blocks[0]!], q), k: one([blocks[1]!], k), v: one([blocks[2]!], v) };
    const x = read(site, [blocks], residual, norm)[0]!; // joint: [heads, batch, pos, dModel]
    return { q: projectHeads(b, x, q), k: projectHeads(b, x, k), v: projectHeads(b, x, v) };
  };
  return makePoints(scope, { read, readHeads, write });
}
