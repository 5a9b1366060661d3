/**
 * @file The modes that do not patch: plain (the model as it is), capture (plain, and every source's output is kept) and
 * reading (plain, and every destination's input stands as a value of its own, for gradients at mask 0).
 */
import { AutoCircuitError } from '../../errors/error.js';
import { blocksAt } from '../../graph/sites.js';
import type { DestinationBlock, Graph, SourceBlock } from '../../graph/types.js';
import type { ProgramBuilder } from '../../ir/builder/builder.js';
import type { Dim } from '../../ir/program/dims.js';
import { multiplyDims } from '../../ir/program/dims.js';
import type { AnyValue } from '../../ir/program/program.js';
import {
  type HeadInputs,
  type HeadProjection,
  type HeadProjections,
  projectHeads,
  splitStacked,
} from '../../model/head-projections.js';
import { type Norm, normed } from '../../model/norm.js';
import type { PatchPoints } from '../../model/patch-points.js';
import { projectedRows, type ReadBeforeScale, readBeforeScale, scaledRows } from './before-norm.js';
import { prependPrefix } from './prefix-kv.js';

/** What a mode needs to stand in a program. */
export interface TraceScope {
  readonly builder: ProgramBuilder;
  readonly graph: Graph;
  /** The model's input in this trace. */
  readonly input: AnyValue;
  /** Tokens before the input's first, whose keys and values are fed; default 0. */
  readonly prefix?: number;
  weight(name: string, shape: readonly number[]): AnyValue;
}

/** What one source block wrote in one run. */
export interface SourceActivations {
  readonly block: SourceBlock;
  /** [rows, batch, pos, width]; width is dModel where there is no projection. */
  readonly value: AnyValue;
  /** [rows, width, dModel]: a head's output is value · projection. */
  readonly projection: AnyValue | null;
  /** The sum over rows of `of` · projection, where the trace has it already: [batch, pos, dModel]. */
  readonly summed?: { readonly of: AnyValue; readonly sum: AnyValue };
}

/** What a mode does at each point; `makePoints` does the rest. */
export interface ModeRules {
  /**
   * Gives what each group of blocks of a site reads, behind the norm, [rows of the group or 1, batch, pos, dModel]. A group
   * is one block, or Q, K and V together. `residual` [batch, pos, dModel].
   */
  read(site: string, groups: readonly BlockGroup[], residual: AnyValue, norm: Norm | null): readonly AnyValue[];
  /** In place of reading and projecting every head. */
  readHeads?(
    site: string,
    blocks: BlockGroup,
    residual: AnyValue,
    norm: Norm | null,
    projections: HeadProjections,
  ): HeadInputs;
  /** Gives the contribution to the residual, [batch, pos, dModel]. */
  write(parts: SourceActivations): AnyValue;
}
/** Destination blocks of one site that are read as one value, row after row. */
export type BlockGroup = readonly DestinationBlock[];

export const rowsOf = (group: BlockGroup): number => group.reduce((rows, block) => rows + (block.heads ?? 1), 0);

const INPUT_NAMES = ['q', 'k', 'v', 'attn', 'mlp', 'end'] as const;

export function makePoints(scope: TraceScope, rules: ModeRules): PatchPoints {
  const { builder: b, graph, prefix = 0 } = scope;
  const readBlocks = (site: string, residual: AnyValue, norm: Norm | null) => {
    const blocks = blocksAt(graph, site);
    const groups = blocks.map((block) => [block]);
    const values = blocks.length === 0 ? [] : rules.read(site, groups, residual, norm);
    return blocks.map((block, i) => ({ block, value: values[i]! }));
  };
  const into = (site: string, residual: AnyValue, norm: Norm | null): Record<string, AnyValue> => {
    const plain = normed(b, oneRow(b, residual), norm); // [1, batch, pos, dModel]
    const inputs: Record<string, AnyValue> = Object.fromEntries(INPUT_NAMES.map((name) => [name, plain]));
    for (const { block, value } of readBlocks(site, residual, norm)) {
      inputs[block.input] = value;
      if (block.input === 'attn') inputs.q = inputs.k = inputs.v = value;
    }
    return inputs;
  };
  return {
    builder: b,
    input: scope.input,
    weight: scope.weight,
    prefix,
    withPrefix: (site, k, v) =>
      prefix === 0
        ? { k, v }
        : { k: prependPrefix(b, site, 'k', k, prefix), v: prependPrefix(b, site, 'v', v, prefix) },
    into: (site, residual, norm = null) => into(site, residual, norm),
    intoHeads(site, residual, norm, projections) {
      const blocks = blocksAt(graph, site);
      if (rules.readHeads && blocks.length > 0) return rules.readHeads(site, blocks, residual, norm, projections);
      const { stacked } = projections;
      if (stacked && (blocks.length === 0 || readsQkvSeparately(blocks))) {
        const x =
          blocks.length === 0 ? normed(b, oneRow(b, residual), norm) : rules.read(site, [blocks], residual, norm)[0]!; // [3 · heads or 1, batch, pos, dModel]
        return splitStacked(b, projectHeads(b, x, stacked));
      }
      const reads = into(site, residual, norm); // each [heads or 1, batch, pos, dModel]
      return {
        q: projectHeads(b, reads.q!, projections.q),
        k: projectHeads(b, reads.k!, projections.k),
        v: projectHeads(b, reads.v!, projections.v),
      };
    },
    outOf(site, value, projection, sum) {
      const block = graph.sourceBlocks.find((s) => s.site === site);
      const rows = value.shape.length === 3 ? oneRow(b, value) : value; // [rows, batch, pos, width]
      const parts = {
        block: block ?? { site, module: site, layer: -1, start: 0, stop: 0 },
        value: rows,
        projection: projection ?? null,
        ...(sum ? { summed: { of: rows, sum } } : {}),
      };
      return block ? rules.write(parts) : contribution(b, parts);
    },
    stream(site, residual) {
      const block = graph.sourceBlocks.find((s) => s.site === site);
      const [entered] = readBlocks(site, residual, null);
      const stream = entered ? b.reshape(entered.value, residual.shape) : residual;
      if (!block) return stream;
      return rules.write({ block, value: oneRow(b, stream), projection: null });
    },
  };
}

/** Whether Q, K and V each have rows of their own, one a head. */
export const readsQkvSeparately = (blocks: BlockGroup): boolean =>
  blocks.map((block) => block.input).join() === 'q,k,v' && new Set(blocks.map(({ heads }) => heads)).size === 1;

export const oneRow = (b: ProgramBuilder, x: AnyValue): AnyValue => b.reshape(x, [1, ...x.shape]);

/** Σ over rows of value · projection: [batch, pos, dModel], as one matmul. */
export function contribution(
  b: ProgramBuilder,
  { value, projection, summed }: Omit<SourceActivations, 'block'>,
): AnyValue {
  if (summed?.of.id === value.id) return summed.sum;
  const [rows, batch, pos, width] = value.shape as [number, Dim, Dim, number];
  if (!projection) {
    return rows === 1 ? b.reshape(value, [batch, pos, width]) : b.sum(value, 0);
  }
  const dModel = projection.shape[2]!;
  const flat = b.reshape(b.transpose(value, [1, 2, 0, 3]), [multiplyDims(batch, pos), rows * width]); // [batch·pos, rows·width]
  const product = b.matmul(flat, b.reshape(projection, [rows * width, dModel])); // [batch·pos, dModel]
  return b.reshape(product, [batch, pos, dModel]);
}

/** Every row's own output: [rows, batch, pos, dModel]. */
export function outputsByRow(
  b: ProgramBuilder,
  { value, projection }: Pick<SourceActivations, 'value' | 'projection'>,
): AnyValue {
  if (!projection) return value;
  const [rows, batch, pos, width] = value.shape as [number, Dim, Dim, number];
  const dModel = projection.shape[2]!;
  const perRow = b.matmul(b.reshape(value, [rows, multiplyDims(batch, pos), width]), projection); // [rows, batch·pos, dModel]
  return b.reshape(perRow, [rows, batch, pos, dModel]);
}

/** The model as it is. */
export function plainPoints(scope: TraceScope): PatchPoints {
  const { builder: b } = scope;
  return makePoints(scope, {
    read: (_site, groups, residual, norm) => groups.map(() => normed(b, oneRow(b, residual), norm)),
    write: (parts) => contribution(b, parts),
  });
}

/** Plain, and `collect` gets what every source block wrote, in the order of the sources. */
export function capturePoints(scope: TraceScope, collect: (parts: SourceActivations) => void): PatchPoints {
  const { builder: b } = scope;
  return makePoints(scope, {
    read: (_site, groups, residual, norm) => groups.map(() => normed(b, oneRow(b, residual), norm)),
    write(parts) {
      collect(parts);
      return contribution(b, parts);
    },
  });
}

/** Told what each group of blocks reads [rows, batch, pos, dModel], and the norm it is behind; gives what the trace goes on with. */
export type OnRead = (group: BlockGroup, value: AnyValue, behind: ReadBeforeScale | null) => AnyValue;

/**
 * Plain, with a value of its own for what each group of destination blocks reads: gradients with respect to these are those at mask 0.
 * With `beforeScale`, groups of several rows are seen between the two factors of their norm. `startOf` replaces what
 * `Resid Start` writes.
 */
export function readingPoints(
  scope: TraceScope,
  collect: (parts: SourceActivations) => void,
  onRead: OnRead,
  {
    beforeScale = false,
    startOf,
  }: { beforeScale?: boolean; startOf?: ((parts: SourceActivations) => AnyValue) | undefined } = {},
): PatchPoints {
  const { builder: b } = scope;
  const read: ModeRules['read'] = (_site, groups, residual, norm) =>
    groups.map((group) => {
      if (!norm || !beforeScale || rowsOf(group) === 1) {
        const rows = b.broadcast(oneRow(b, residual), [rowsOf(group), ...residual.shape]); // [rows, batch, pos, dModel]
        return normed(b, onRead(group, rows, null), norm);
      }
      const behind = readBeforeScale(b, oneRow(b, residual), norm, rowsOf(group));
      onRead(group, behind.rows.centred, behind);
      return scaledRows(b, behind, norm);
    });
  const write: ModeRules['write'] = (parts) => {
    const moved = startOf && parts.block.site === 'start' ? { ...parts, value: startOf(parts) } : parts;
    collect(moved);
    return contribution(b, moved);
  };
  if (!beforeScale) return makePoints(scope, { read, write });
  const readHeads: ModeRules['readHeads'] = (site, blocks, residual, norm, projections) => {
    const one = (group: BlockGroup, projection: HeadProjection): AnyValue => {
      if (!norm || rowsOf(group) === 1) return projectHeads(b, read(site, [group], residual, norm)[0]!, projection);
      const behind = readBeforeScale(b, oneRow(b, residual), norm, rowsOf(group));
      const { value, projected } = projectedRows(b, behind, norm, projection);
      onRead(group, behind.rows.centred, { ...behind, projected });
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

/** The parts of one block, which must have been collected. */
export function activationsOf(collected: readonly SourceActivations[], block: SourceBlock): SourceActivations {
  const found = collected.find((parts) => parts.block.site === block.site);
  if (!found)
    throw new AutoCircuitError({
      where: 'core/patch',
      what: `the trace never wrote "${block.site}"`,
      kind: 'internal',
    });
  return found;
}
