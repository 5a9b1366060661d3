/**
 * @file The patched mode: every destination reads residual + Σ_u mask_u · (patch_u − current_u) over its upstream sources.
 * Two forms of the same sum:
 * - plain formula: exactly that; what the mode means. Used for the residual graph, and as the twin in tests.
 * - complement: the trace carries the patching run's residual R, and a destination reads R + Σ_u (mask_u − 1) · D_u.
 *   The running residual is never formed.
 */

import { blocksAt, blocksBySite, edgeSumGroups } from '../../graph/sites.js';
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
  type EdgeSumTerm,
  edgeSum,
  type MaskAxes,
  type PatchValue,
} from './activation-differences.js';
import { projectedRows } from './before-norm.js';
import {
  type BlockGroup,
  contribution,
  makePoints,
  readsQkvSeparately,
  rowsOf,
  type SourceActivations,
  type TraceScope,
} from './points.js';

export type PatchForm = 'plain-formula' | 'complement';

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
  patchOf(parts: SourceActivations): PatchValue;
  /** Told what each group of blocks reads [rows, batch, pos, dModel]; gives what the trace goes on with. */
  onRead(group: BlockGroup, value: AnyValue): AnyValue;
}

/** The residual graph's streams feed one another, so only the plain formula fits it. */
export const formFor = (graph: Graph): PatchForm => (graph.options.factorized ? 'complement' : 'plain-formula');

/** The mask input of a site: [batch?, pos?, rows of all its blocks, sources]. */
export const maskInputName = (site: string): string => `mask:${site}`;

export function maskInput(scope: Pick<PatchedScope, 'builder' | 'axes'>, site: string, blocks: BlockGroup): AnyValue {
  const rows = rowsOf(blocks);
  const { start, stop } = blocks[0]!.sources;
  const { perItem, perPosition } = scope.axes;
  const leading = perPosition ? [perItem ? 'batch' : 1, 'pos'] : perItem ? ['batch'] : [];
  return scope.builder.input(maskInputName(site), 'float', [...leading, rows, stop - start]);
}

/** What a site has from an earlier one's matmul: its sum over the sources before row `stop`. */
interface Prefix {
  readonly stop: number;
  /** [rows, batch, pos, dModel]. */
  readonly sum: AnyValue;
}

export function patchedPoints(scope: PatchedScope): PatchPoints {
  const { builder: b, differences, axes, graph } = scope;
  const complement = scope.form === 'complement';
  const prefixes = new Map<string, Prefix>();
  const groups = edgeSumGroups(graph, blocksBySite(graph).keys());

  /** mask, or mask − 1 where the patching run's residual is carried: [batch?, pos?, rows, sources]. */
  const weightsOf = (site: string): AnyValue => {
    const mask = maskInput(scope, site, blocksAt(graph, site));
    return complement ? b.sub(mask, 1) : mask;
  };
  const columns = (weights: AnyValue, start: number, stop: number): AnyValue =>
    start === 0 && stop === b.dim(weights, -1) ? weights : b.slice(weights, -1, start, stop);

  /** The plain way: every source block's share, then the residual. `from` skips sources that a prefix holds. */
  function sumOver(site: string, blocks: BlockGroup, from: number): AnyValue {
    const { start, stop } = blocks[0]!.sources;
    const weights = weightsOf(site);
    const terms: EdgeSumTerm[] = (
      from === start ? differences.covering(start, stop) : differences.pieces(from, stop)
    ).map((block) => ({
      weights: columns(weights, block.start - start, block.stop - start),
      rows: block.value,
    }));
    return edgeSum(b, axes, terms);
  }

  /**
   * One matmul for all heads of a layer, with the residual as one more row of sources. The sites up to the next such layer
   * read the same sources and a few more: their share of these is taken now, while the sources stand in one block.
   */
  function leadingSum(site: string, blocks: BlockGroup, residual: AnyValue): AnyValue {
    const { start, stop } = blocks[0]!.sources;
    const rowAxis = batchFirst(axes) ? 1 : 0;
    const [, batch, pos, dModel] = residual.shape as [number, Dim, Dim, number];
    const carriedRow = rowAxis === 0 ? residual : b.reshape(residual, [batch, 1, pos, dModel]);
    const rows = b.concat([...differences.pieces(start, stop).map((piece) => piece.value), carriedRow], rowAxis); // [sources + 1, batch, pos, dModel], or items first
    const { followers } = groups.find(({ leader }) => leader === site)!;
    const sumFor = (names: readonly string[]): AnyValue => {
      const parts = names.map((name) => columns(weightsOf(name), 0, stop - start)); // [batch?, rows of the site, sources] each
      const carriedBy = (name: string): number => (name === site ? 1 : 0);
      const carried = parts.map((part, i) =>
        b.broadcast(b.constant(carriedBy(names[i]!)), [...part.shape.slice(0, -1), 1]),
      );
      return edgeSum(b, axes, [{ weights: b.concat([b.concat(parts, -2), b.concat(carried, -2)], -1), rows }]);
    };
    if (!scope.joinsRows) {
      for (const name of followers) prefixes.set(name, { stop, sum: sumFor([name]) });
      return sumFor([site]);
    }
    const sums = sumFor([site, ...followers]); // [rows of all these sites, batch, pos, dModel]
    let row = rowsOf(blocks);
    for (const follower of followers) {
      const next = row + rowsOf(blocksAt(graph, follower));
      prefixes.set(follower, { stop, sum: b.slice(sums, 0, row, next) });
      row = next;
    }
    return b.slice(sums, 0, 0, rowsOf(blocks));
  }

  /** What each group of a site reads before any norm: [rows of the group, batch, pos, dModel]. */
  function rowsRead(site: string, groups: readonly BlockGroup[], residual: AnyValue): AnyValue[] {
    const blocks = groups.flat();
    const carried = b.reshape(residual, [1, ...residual.shape]); // [1, batch, pos, dModel]
    const prefix = prefixes.get(site);
    let patched: AnyValue; // [rows of the site, batch, pos, dModel]
    if (prefix) {
      const rest =
        prefix.stop === blocks[0]!.sources.stop ? prefix.sum : b.add(prefix.sum, sumOver(site, blocks, prefix.stop));
      patched = b.add(rest, carried);
    } else if (complement && !axes.perPosition && rowsOf(blocks) > 1) {
      patched = leadingSum(site, blocks, carried);
    } else {
      patched = b.add(sumOver(site, blocks, blocks[0]!.sources.start), carried);
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
    // Going back through a norm of many rows is cheaper where these are scaled behind their projection.
    ...(scope.joinsRows ? { readHeads } : {}),
    write(parts) {
      const patch = scope.patchOf(parts);
      differences.add(parts, patch);
      if (!complement) return contribution(b, parts);
      if (patch) return contribution(b, { ...parts, value: patch });
      const [, batch, pos] = parts.value.shape;
      const dModel = parts.projection?.shape[2] ?? parts.value.shape[3]!;
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
      const place = blocks.findIndex((block) => block.input === name);
      return one(rows[Math.max(0, place)]!, projections[name]);
    };
    return { q: input('q'), k: input('k'), v: input('v') };
  }
}
