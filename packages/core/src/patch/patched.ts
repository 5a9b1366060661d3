/**
 * @file The patched mode: every destination reads residual + Σ_u mask_u · (patch_u − current_u) over its upstream sources.
 * Two forms of the same sum:
 * - plain formula: exactly that; what the mode means. Used for the residual graph, and as the twin in tests.
 * - complement: the trace carries the patching run's residual R, and a destination reads R + Σ_u (mask_u − 1) · D_u.
 *   The running residual is never formed, and R rides along as one more row of the newest block of sources.
 */
import type { DestinationBlock, Graph } from '../graph/types.js';
import { multiplyDims } from '../ir/dims.js';
import type { AnyValue } from '../ir/types.js';
import { type Differences, type MaskAxes, type MixTerm, mix, type PatchValue } from './differences.js';
import { contribution, type DestinationRead, makePoints, type SourceParts, type TraceScope } from './modes.js';
import type { PatchPoints } from './points.js';

export type PatchForm = 'plain-formula' | 'complement';

export interface PatchedScope extends TraceScope {
  readonly form: PatchForm;
  readonly axes: MaskAxes;
  readonly differences: Differences;
  /** What is patched in for a source block: [rows, batch, pos, width] as the trace writes it, null for zeros. */
  patchOf(parts: SourceParts): PatchValue;
  /** What was read at each destination block; gradients are taken with respect to these. */
  readonly reads: DestinationRead[];
}

/** The residual graph's streams feed one another, so only the plain formula fits it. */
export const formFor = (graph: Graph): PatchForm => (graph.options.factorized ? 'complement' : 'plain-formula');

/** The mask input of a site: [batch?, pos?, rows of all its blocks, sources]. */
export const maskInputName = (site: string): string => `mask:${site}`;
export const rowsOf = (block: DestinationBlock): number => block.heads ?? 1;

export function maskInput(
  scope: Pick<PatchedScope, 'builder' | 'axes'>,
  site: string,
  blocks: readonly DestinationBlock[],
): AnyValue {
  const rows = blocks.reduce((n, block) => n + rowsOf(block), 0);
  const { start, stop } = blocks[0]!.sources;
  const { perItem, perPosition } = scope.axes;
  const leading = perPosition ? [perItem ? 'batch' : 1, 'pos'] : perItem ? ['batch'] : [];
  return scope.builder.input(maskInputName(site), 'float', [...leading, rows, stop - start]);
}

/** Joining the residual to a block copies the block; beyond this many rows adding it afterwards is cheaper. */
const MOST_ROWS_COPIED = 24;

export function patchedPoints(scope: PatchedScope): PatchPoints {
  const { builder: b, differences, axes } = scope;
  const complement = scope.form === 'complement';
  return makePoints(scope, {
    read(site, blocks, residual) {
      const mask = maskInput(scope, site, blocks);
      const weights = complement ? b.sub(mask, 1) : mask; // [batch?, pos?, rows, sources]
      const last = weights.shape.length - 1;
      const { start, stop } = blocks[0]!.sources;
      const terms: MixTerm[] = differences.covering(start, stop).map((block) => ({
        weights:
          block.start === start && block.stop === stop
            ? weights
            : b.slice(weights, last, block.start - start, block.stop - start),
        rows: block.value,
      }));
      const patched = withResidual(terms, residual);
      let row = 0;
      return blocks.map((block) => {
        const value = blocks.length === 1 ? patched : b.slice(patched, 0, row, row + rowsOf(block));
        row += rowsOf(block);
        scope.reads.push({ block, value });
        return value;
      });
    },
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

  /** Adds the residual [batch, pos, dModel] to the mix: as one more row where rows share their weights, else by itself. */
  function withResidual(terms: MixTerm[], residual: AnyValue): AnyValue {
    const row = b.reshape(residual, [1, ...residual.shape]); // [1, batch, pos, dModel]
    const newest = terms.at(-1)!;
    const rows = newest.weights.shape[0]!;
    const copied = newest.rows.shape[0]! as number;
    if (axes.perItem || axes.perPosition || rows === 1 || copied > MOST_ROWS_COPIED)
      return b.add(mix(b, axes, terms), row);
    const ones = b.broadcast(b.constant(1), [rows, 1]); // [rows, 1]
    const extended = { weights: b.concat([newest.weights, ones], 1), rows: b.concat([newest.rows, row], 0) };
    return mix(b, axes, [...terms.slice(0, -1), extended]);
  }
}

/** Elements of the widest value of a patched run for one token: what decides the micro-batch. */
export const differenceSize = (graph: Graph): number => Number(multiplyDims(graph.sources.length, graph.layout.dModel));
