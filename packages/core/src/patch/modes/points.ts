/**
 * @file What all modes share: from the few rules of a mode (what a destination reads, what becomes of what a source wrote) to the
 * patch points that a model's trace calls.
 */
import { blocksAt } from '../../graph/site-blocks.js';
import type { DestinationBlock, Graph, SourceBlock } from '../../graph/types.js';
import type { ProgramBuilder } from '../../ir/builder/builder.js';
import { type Dim, multiplyDims } from '../../ir/program/dims.js';
import type { AnyValue } from '../../ir/program/program.js';
import { type HeadInputs, type HeadProjections, projectHeads, splitStacked } from '../../model/head-projections.js';
import { type Norm, normed } from '../../model/norm.js';
import type { PatchPoints } from '../../model/patch-points.js';
import { prependPrefix } from './prefix-kv.js';

/** What a mode needs to be part of a program. */
export interface TraceScope {
  readonly builder: ProgramBuilder;
  readonly graph: Graph;
  /** The model's input in this trace: int [batch, pos], or float [batch, pos, …features]. */
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
  /** A head’s output is value · projection, [rows, width, dModel]. */
  readonly projection: AnyValue | null;
  /** The sum over rows of `of` · projection, where the trace has it already: [batch, pos, dModel]. */
  readonly summed?: { readonly of: AnyValue; readonly sum: AnyValue };
}

/** Destination blocks of one site that are read as one value, row after row. */
export type BlockGroup = readonly DestinationBlock[];

/** What a mode does at each point; `makePoints` does the rest. */
export interface ModeRules {
  /**
   * What each group of blocks of a site reads, after the norm: [rows of the group or 1, batch, pos, dModel]. A group is one
   * block, or Q, K and V together. `residual` [batch, pos, dModel].
   */
  read(site: string, groups: readonly BlockGroup[], residual: AnyValue, norm: Norm | null): readonly AnyValue[];
  /** In place of `read` and the projections, at sites with heads. */
  readHeads?(
    site: string,
    blocks: BlockGroup,
    residual: AnyValue,
    norm: Norm | null,
    projections: HeadProjections,
  ): HeadInputs;
  /** What is added to the residual for what a source block wrote: [batch, pos, dModel]. */
  write(source: SourceActivations): AnyValue;
}

/** The inputs that a site may have; all but those that the graph knows read the plain residual. */
const INPUT_NAMES = ['q', 'k', 'v', 'attn', 'mlp', 'experts', 'router', 'end'] as const;

/** The patch points of a mode. Sites that the graph does not have are read and written as in the plain model. */
export function makePoints(scope: TraceScope, rules: ModeRules): PatchPoints {
  const { builder: b, graph, prefix = 0 } = scope;
  const sourceAt = (site: string): SourceBlock | undefined => graph.sourceBlocks.find((block) => block.site === site);
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
      const block = sourceAt(site);
      const rows = value.shape.length === 3 ? oneRow(b, value) : value; // [rows, batch, pos, width]
      const written = {
        value: rows,
        projection: projection ?? null,
        ...(sum ? { summed: { of: rows, sum } } : {}),
      };
      return block ? rules.write({ block, ...written }) : contribution(b, written);
    },
    stream(site, residual) {
      const block = sourceAt(site);
      const [entered] = readBlocks(site, residual, null);
      const stream = entered ? b.reshape(entered.value, residual.shape) : residual;
      if (!block) return stream;
      return rules.write({ block, value: oneRow(b, stream), projection: null });
    },
  };
}

/** Rows that a group of destination blocks has: one a head, or one. */
export const rowsOf = (group: BlockGroup): number => group.reduce((rows, block) => rows + (block.heads ?? 1), 0);

/** Whether Q, K and V each have rows of their own, one for each query head. */
export const readsQkvSeparately = (blocks: BlockGroup): boolean =>
  blocks.map((block) => block.input).join() === 'q,k,v' && new Set(blocks.map(({ heads }) => heads)).size === 1;

/** [batch, pos, dModel] → [1, batch, pos, dModel]. */
export const oneRow = (b: ProgramBuilder, x: AnyValue): AnyValue => b.reshape(x, [1, ...x.shape]);

/** What a source block adds to the residual, Σ over rows of value · projection as one matmul: [batch, pos, dModel]. */
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
