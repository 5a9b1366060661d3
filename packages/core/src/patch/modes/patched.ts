/**
 * @file The patched mode: every destination reads residual + Σ_u mask_u · (patch_u − current_u) over its upstream sources.
 * Two forms of the same sum:
 * - plain formula: exactly that. Used for the residual graph.
 * - complement: the residual stream is the patching run's, R, and a destination reads R + Σ_u (mask_u − 1) · D_u with
 *   D_u = patch_u − current_u. The running residual is never formed.
 * What the mode means, edge by edge, is in `reference.ts`.
 */

import { blocksAt, blocksBySite } from '../../graph/site-blocks.js';
import type { Graph } from '../../graph/types.js';
import type { Dim } from '../../ir/program/dims.js';
import type { AnyValue } from '../../ir/program/program.js';
import {
  type HeadInputs,
  type HeadProjection,
  type HeadProjections,
  projectHeads,
  splitStacked,
} from '../../model/head-projections.js';
import { type Norm, normed, normFactors } from '../../model/norm.js';
import type { PatchPoints } from '../../model/patch-points.js';
import {
  type ActivationDifferences,
  batchFirst,
  edgeSum,
  type MaskAxes,
  type PatchValue,
} from './activation-differences.js';
import { projectedRows } from './before-norm.js';
import { denseEdgeSumGroups } from './edge-sum-groups.js';
import {
  type BlockGroup,
  contribution,
  makePoints,
  readsQkvSeparately,
  rowsOf,
  type SourceActivations,
  type TraceScope,
} from './points.js';

/** Which of the two forms of the sum a program has. */
export type PatchForm = 'plain-formula' | 'complement';

/** What the patched mode needs beside its place in a program. */
export interface PatchedScope extends TraceScope {
  readonly form: PatchForm;
  readonly axes: MaskAxes;
  readonly differences: ActivationDifferences;
  /**
   * Whether all rows that read the same sources are one product, taken apart afterwards: twice as much is saved going back
   * through it as the copies cost, so it pays where there is a gradient.
   */
  readonly joinsRows: boolean;
  /** What is patched in for a source block: [rows, batch, pos, width] as the trace writes it, null for zeros. */
  patchOf(source: SourceActivations): PatchValue;
  /** Gets what each group of blocks reads, before the norm [rows, batch, pos, dModel]; gives what the trace goes on with. */
  onRead(group: BlockGroup, value: AnyValue): AnyValue;
}

/** The residual graph's streams feed one another, so only the plain formula fits it. */
export const formFor = (graph: Graph): PatchForm => (graph.options.factorized ? 'complement' : 'plain-formula');

/** The name of a site's mask input. */
export const maskInputName = (site: string): string => `mask:${site}`;

/** The mask input of a site: [batch?, pos?, rows of all its blocks, sources]. */
export function maskInput(scope: Pick<PatchedScope, 'builder' | 'axes'>, site: string, blocks: BlockGroup): AnyValue {
  const rows = rowsOf(blocks);
  const { start, stop } = blocks[0]!.sources;
  const { perItem, perPosition } = scope.axes;
  const leading = perPosition ? [perItem ? 'batch' : 1, 'pos'] : perItem ? ['batch'] : [];
  return scope.builder.input(maskInputName(site), 'float', [...leading, rows, stop - start]);
}

/** The part of a site's edge sum that an earlier site's product holds: over the sources before row `stop`. */
interface StartedSum {
  readonly stop: number;
  /** [rows, batch, pos, dModel]. */
  readonly sum: AnyValue;
}

/** The patch points of the patched mode. */
export function patchedPoints(scope: PatchedScope): PatchPoints {
  const { builder: b, differences, axes, graph } = scope;
  const complement = scope.form === 'complement';
  const started = new Map<string, StartedSum>();
  const groups = denseEdgeSumGroups(graph, blocksBySite(graph).keys());

  /** mask, or mask − 1 where the residual stream is the patching run's: [batch?, pos?, rows, sources]. */
  const weightsOf = (site: string): AnyValue => {
    const mask = maskInput(scope, site, blocksAt(graph, site));
    return complement ? b.sub(mask, 1) : mask;
  };
  const columns = (weights: AnyValue, start: number, stop: number): AnyValue =>
    start === 0 && stop === b.dim(weights, -1) ? weights : b.slice(weights, -1, start, stop);

  /** A site's edge sum, block of sources by block; `from` skips sources that a started sum holds. */
  function sumOver(site: string, blocks: BlockGroup, from: number): AnyValue {
    const { start, stop } = blocks[0]!.sources;
    const weights = weightsOf(site);
    const upstream = from === start ? differences.covering(start, stop) : differences.bySourceBlock(from, stop);
    const terms = upstream.map((block) => ({
      weights: columns(weights, block.start - start, block.stop - start),
      sources: block.value,
    }));
    return edgeSum(b, axes, terms);
  }

  /**
   * Joins the sources `from` to `to` and the residual. Gives the sums over them for all rows of some sites, by one matmul: the
   * residual is one more source, of weight 1 in `site`'s own rows.
   */
  function joinedSum(
    site: string,
    [from, to]: readonly [number, number],
    residual: AnyValue,
  ): (names: readonly string[]) => AnyValue {
    const sourceAxis = batchFirst(axes) ? 1 : 0;
    const [, batch, pos, dModel] = residual.shape as [number, Dim, Dim, number];
    const residualRow = sourceAxis === 0 ? residual : b.reshape(residual, [batch, 1, pos, dModel]);
    const upstream = differences.bySourceBlock(from, to).map((block) => block.value);
    const sources = b.concat([...upstream, residualRow], sourceAxis); // [sources + 1, batch, pos, dModel], or the batch first
    const first = blocksAt(graph, site)[0]!.sources.start;
    return (names) => {
      const bySite = names.map((name) => columns(weightsOf(name), from - first, to - first)); // [batch?, rows of the site, sources] each
      const ofResidual = bySite.map((weights, i) =>
        b.broadcast(b.constant(names[i] === site ? 1 : 0), [...weights.shape.slice(0, -1), 1]),
      ); // [batch?, rows of the site, 1] each
      const weights = b.concat([b.concat(bySite, -2), b.concat(ofResidual, -2)], -1); // [batch?, rows, sources + 1]
      return edgeSum(b, axes, [{ weights, sources }]);
    };
  }

  /**
   * One matmul for all heads of a layer, with the residual as one more source of weight 1. Its followers read the same sources
   * and a few more: their sums over these are started now, while the sources are in one block.
   */
  function leadingSum(site: string, blocks: BlockGroup, residual: AnyValue): AnyValue {
    const { start, stop } = blocks[0]!.sources;
    const { followers } = groups.find(({ leader }) => leader === site)!;
    const sumFor = joinedSum(site, [start, stop], residual);
    const manyRows = followers.some((name) => rowsOf(blocksAt(graph, name)) > 1);
    if (!scope.joinsRows && !manyRows) {
      for (const name of followers) started.set(name, { stop, sum: sumFor([name]) });
      return sumFor([site]);
    }
    const sums = sumFor([site, ...followers]); // [rows of all these sites, batch, pos, dModel]
    let row = rowsOf(blocks);
    for (const follower of followers) {
      const next = row + rowsOf(blocksAt(graph, follower));
      started.set(follower, { stop, sum: b.slice(sums, 0, row, next) });
      row = next;
    }
    return b.slice(sums, 0, 0, rowsOf(blocks));
  }

  /** What a site's started sum lacks, with the residual: of many rows one matmul over what was written since, of one row term by term. */
  function restOfSum(site: string, blocks: BlockGroup, from: number, residual: AnyValue): AnyValue {
    const { stop } = blocks[0]!.sources;
    if (from === stop) return residual;
    if (rowsOf(blocks) > 1) return joinedSum(site, [from, stop], residual)([site]);
    return b.add(sumOver(site, blocks, from), residual);
  }

  /** What each group of a site reads before any norm: [rows of the group, batch, pos, dModel]. */
  function rowsRead(site: string, groups: readonly BlockGroup[], residual: AnyValue): AnyValue[] {
    const blocks = groups.flat();
    const own = b.reshape(residual, [1, ...residual.shape]); // [1, batch, pos, dModel]
    const before = started.get(site);
    let patched: AnyValue; // [rows of the site, batch, pos, dModel]
    if (before) {
      patched = b.add(before.sum, restOfSum(site, blocks, before.stop, own));
    } else if (complement && !axes.perPosition && rowsOf(blocks) > 1) {
      patched = leadingSum(site, blocks, own);
    } else {
      patched = b.add(sumOver(site, blocks, blocks[0]!.sources.start), own);
    }
    let row = 0;
    return groups.map((group) => {
      const value = rowsOf(group) === patched.shape[0] ? patched : b.slice(patched, 0, row, row + rowsOf(group));
      row += rowsOf(group);
      return scope.onRead(group, value);
    });
  }

  return makePoints(scope, {
    read: (site, groups, residual, norm) => rowsRead(site, groups, residual).map((rows) => normed(b, rows, norm)),
    // The backward pass through a norm of many rows is cheaper where these are scaled after their projection.
    ...(scope.joinsRows ? { readHeads } : {}),
    write(source) {
      const patch = scope.patchOf(source);
      differences.add(source, patch);
      if (!complement) return contribution(b, source);
      if (patch) return contribution(b, { ...source, value: patch });
      const [, batch, pos] = source.value.shape;
      const dModel = source.projection?.shape[2] ?? source.value.shape[3]!;
      return b.broadcast(b.constant(0), [batch!, pos!, dModel]);
    },
  });
  function readHeads(
    site: string,
    blocks: BlockGroup,
    residual: AnyValue,
    norm: Norm | null,
    projections: HeadProjections,
  ): HeadInputs {
    const { stacked } = projections;
    const one = (rows: AnyValue, projection: HeadProjection): AnyValue =>
      norm
        ? projectedRows(b, { rows: normFactors(b, rows, norm) }, norm, projection).value
        : projectHeads(b, rows, projection);
    if (stacked && readsQkvSeparately(blocks))
      return splitStacked(b, one(rowsRead(site, [blocks], residual)[0]!, stacked));
    const groups = blocks.map((block) => [block]);
    const rows = rowsRead(site, groups, residual);
    const input = (name: 'q' | 'k' | 'v'): AnyValue => {
      const index = blocks.findIndex((block) => block.input === name);
      return one(rows[Math.max(0, index)]!, projections[name]);
    };
    return { q: input('q'), k: input('k'), v: input('v') };
  }
}
