/**
 * @file D_u = patch_u − current_u for every source u, kept so that a destination's sum over them is a matmul, and so are
 * all its scores. As pieces (one a source block), and merged by whole layers, neighbours of equal size into one (each row is
 * copied log n times, not once a layer). Whichever a program does not use is simplified away.
 */
import type { ProgramBuilder } from '../../ir/builder/builder.js';
import { type Dim, multiplyDims } from '../../ir/program/dims.js';
import type { AnyValue } from '../../ir/program/program.js';
import { outputsByRow, type SourceActivations } from './points.js';

/** Rows `start` to `stop` of the sources: [rows, batch, pos, dModel], or with items first [batch, rows, pos, dModel]. */
export interface DifferenceBlock {
  readonly start: number;
  readonly stop: number;
  readonly value: AnyValue;
}
/** One source block. */
interface Piece extends DifferenceBlock {
  /** Patch − current before the projection, where there is one. */
  readonly parts: Pick<SourceActivations, 'value' | 'projection'>;
}
/** Whole layers, as far as they have written. */
interface MergedBlock extends DifferenceBlock {
  readonly layers: number;
  readonly lastLayer: string;
}

/** How the axes of a mask lie before [rows, sources]. */
export interface MaskAxes {
  readonly perItem: boolean;
  readonly perPosition: boolean;
}

/** Patched parts as values; null for zeros. */
export type PatchValue = AnyValue | null;

/** Masks by item mix each item on its own: then every source is brought into that order once, not once a layer. */
export const batchFirst = ({ perItem, perPosition }: MaskAxes): boolean => perItem && !perPosition;

/** Products of gradients with this many sources are as fast as with more (docs/performance.md). */
export const ROWS_OF_A_PRODUCT = 32;

/** `L3` of `L3.attn`, `L3.mlp`, …; the input goes with the first layer. */
const layerOf = (site: string): string => (site === 'start' ? 'L0' : site.split('.')[0]!);

export class ActivationDifferences {
  readonly #b: ProgramBuilder;
  /** Which axis the rows are. */
  readonly #rowAxis: 0 | 1;
  readonly #mostMerged: number;
  readonly #pieces: Piece[] = [];
  readonly #merged: MergedBlock[] = [];

  /** @param mostMerged rows of what is joined: joining costs a copy, and only sums over many terms gain by ever fewer of them */
  constructor(builder: ProgramBuilder, itemFirst = false, mostMerged = Number.POSITIVE_INFINITY) {
    this.#b = builder;
    this.#rowAxis = itemFirst ? 1 : 0;
    this.#mostMerged = mostMerged;
  }

  /** Adds one source block: (patch − current) · projection, so that head outputs are formed only here. */
  add(current: SourceActivations, patch: PatchValue): void {
    const difference = patch ? this.#b.sub(patch, current.value) : this.#b.neg(current.value);
    const parts = { value: difference, projection: current.projection };
    const byRow = outputsByRow(this.#b, parts);
    const value = this.#rowAxis === 0 ? byRow : itemsLeading(this.#b, byRow);
    const { start, stop, site } = current.block;
    this.#pieces.push({ start, stop, value, parts });
    const layer = layerOf(site);
    if (this.#merged.at(-1)?.lastLayer !== layer) this.#mergeEqual();
    this.#merged.push({ start, stop, value, layers: 1, lastLayer: layer });
    const [before, last] = this.#merged.slice(-2);
    if (last && before?.lastLayer === layer) this.#mergeLast(before.layers);
  }

  /** Two neighbours of as many layers become one. */
  #mergeEqual(): void {
    for (;;) {
      const [before, last] = this.#merged.slice(-2);
      if (!before || !last || before.layers !== last.layers || last.stop - before.start > this.#mostMerged) return;
      if (!this.#mergeLast(before.layers + last.layers)) return;
    }
  }
  /** Whether the last two blocks stand side by side, and so have become one. */
  #mergeLast(layers: number): boolean {
    const [before, last] = this.#merged.slice(-2) as [MergedBlock, MergedBlock];
    if (before.stop !== last.start) return false;
    const value = this.#b.concat([before.value, last.value], this.#rowAxis);
    const { start } = before;
    this.#merged.splice(-2, 2, { start, stop: last.stop, value, layers, lastLayer: last.lastLayer });
    return true;
  }

  /** The source blocks from row `start` to `stop`, one by one. */
  pieces(start: number, stop: number): Piece[] {
    return this.#pieces.filter((piece) => piece.start >= start && piece.stop <= stop);
  }

  /** ΣD over dModel of the sources before row `end`: [sources, batch, pos]. A head's is made of its value and the sums of its projection. */
  sums(end: number): AnyValue {
    const b = this.#b;
    const sums = this.pieces(0, end).map(({ parts: { value, projection } }) => {
      const [rows, batch, pos] = value.shape as [Dim, Dim, Dim];
      if (!projection) return b.sum(value, 3);
      const byRow = outputsByRow(b, { value, projection: b.sum(projection, 2, true) }); // [rows, batch, pos, 1]
      return b.reshape(byRow, [rows, batch, pos]);
    });
    return joined(b, sums, 0);
  }

  /** As few blocks as there are now that cover `start` to `stop`. Ask when the destination reads: later merges span more. */
  covering(start: number, stop: number): DifferenceBlock[] {
    return this.#merged
      .filter((block) => block.stop > start && block.start < stop)
      .map((block) => {
        const from = Math.max(block.start, start);
        const to = Math.min(block.stop, stop);
        if (from === block.start && to === block.stop) return block;
        return {
          start: from,
          stop: to,
          value: this.#b.slice(block.value, this.#rowAxis, from - block.start, to - block.start),
        };
      });
  }
}

/** [rows, batch, pos, dModel] → [batch, rows, pos, dModel], flat meanwhile: else runtimes move the transpose behind every joining. */
function itemsLeading(b: ProgramBuilder, x: AnyValue): AnyValue {
  const [rows, batch, pos, dModel] = x.shape as [Dim, Dim, Dim, Dim];
  const flat = b.reshape(x, [rows, batch, multiplyDims(pos, dModel)]);
  return b.reshape(b.transpose(flat, [1, 0, 2]), [batch, rows, pos, dModel]);
}

/** One summand of a mix: weights [item?, position?, rows, k] for k source rows, lying as `ActivationDifferences` has them. */
export interface EdgeSumTerm {
  readonly weights: AnyValue;
  readonly rows: AnyValue;
}

/** Σ over terms of weights · rows: [rows, batch, pos, dModel]. */
export function edgeSum(b: ProgramBuilder, axes: MaskAxes, terms: readonly EdgeSumTerm[]): AnyValue {
  const summands = terms.map(({ weights, rows }) => {
    const count = weights.shape.at(-2)!;
    if (batchFirst(axes)) {
      const [items, k, pos, dModel] = rows.shape as [Dim, Dim, Dim, Dim];
      const product = b.matmul(weights, b.reshape(rows, [items, k, multiplyDims(pos, dModel)])); // [batch, rows, pos·dModel]
      return b.reshape(b.transpose(product, [1, 0, 2]), [count, multiplyDims(items, pos, dModel)]);
    }
    const [k, batch, pos, dModel] = rows.shape as [Dim, Dim, Dim, Dim];
    if (!axes.perItem && !axes.perPosition) {
      return b.matmul(weights, b.reshape(rows, [k, multiplyDims(batch, pos, dModel)])); // [rows, batch·pos·dModel]
    }
    const byPosition = b.transpose(rows, [1, 2, 0, 3]); // [batch, pos, k, dModel]
    const product = b.matmul(weights, byPosition); // [batch, pos, rows, dModel]
    return b.reshape(b.transpose(product, [2, 0, 1, 3]), [count, multiplyDims(batch, pos, dModel)]);
  });
  const total = summands.reduce((a, x) => b.add(a, x)); // [rows, batch·pos·dModel]
  const [first, second, pos, dModel] = terms[0]!.rows.shape as [Dim, Dim, Dim, Dim];
  return b.reshape(total, [total.shape[0]!, batchFirst(axes) ? first : second, pos, dModel]);
}

/**
 * gradient · D for each prompt (and each position): [batch, rows, sources] or [batch, pos, rows, sources].
 * This is ∂M/∂mask, since an edge's mask enters only through what its destination reads.
 */
export function contractScores(
  b: ProgramBuilder,
  keepPositions: boolean,
  gradient: AnyValue,
  blocks: readonly DifferenceBlock[],
  itemFirst = false,
): AnyValue {
  const [rows, batch, pos, dModel] = gradient.shape as [Dim, Dim, Dim, Dim];
  const outer = keepPositions ? multiplyDims(batch, pos) : batch;
  const inner = keepPositions ? dModel : multiplyDims(pos, dModel);
  const byItem = (x: AnyValue): AnyValue => b.transpose(b.reshape(x, [x.shape[0]!, outer, inner]), [1, 0, 2]); // [outer, x rows, inner]
  const sources = (value: AnyValue): AnyValue =>
    itemFirst ? b.reshape(value, [outer, value.shape[1]!, inner]) : byItem(value); // [outer, k, inner]
  const all = joined(
    b,
    blocks.map((block) => b.matmul(byItem(gradient), sources(block.value), { transposeB: true })),
    2,
  ); // [outer, rows, sources]
  return keepPositions ? b.reshape(all, [batch, pos, rows, all.shape[2]!]) : all;
}

export const joined = (b: ProgramBuilder, values: readonly AnyValue[], axis: number): AnyValue =>
  values.length === 1 ? values[0]! : b.concat(values, axis);
