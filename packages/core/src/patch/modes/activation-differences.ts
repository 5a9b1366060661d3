/**
 * @file D_u = patch_u − current_u for every source u, laid out so that a destination's sum over them is a matmul, and so are
 * all its scores. They are held one source block each, and merged by whole layers, neighbours of equal size into one (each row is
 * copied log n times, not once a layer). Whichever a program does not use is simplified away.
 */
import { layerOf } from '../../graph/sites.js';
import type { ProgramBuilder } from '../../ir/builder/builder.js';
import { type Dim, multiplyDims } from '../../ir/program/dims.js';
import type { AnyValue } from '../../ir/program/program.js';
import { outputsByRow, type SourceActivations } from './points.js';

/** D of the sources `start` to `stop`: [sources, batch, pos, dModel], or with the batch first [batch, sources, pos, dModel]. */
export interface DifferenceBlock {
  readonly start: number;
  readonly stop: number;
  readonly value: AnyValue;
}
/** D of one source block. */
export interface SourceDifference extends DifferenceBlock {
  /** Patch − current before the projection, where there is one: [rows, batch, pos, width], projection [rows, width, dModel]. */
  readonly activations: Pick<SourceActivations, 'value' | 'projection'>;
}
/** D of whole layers, as far as they have written. */
interface MergedBlock extends DifferenceBlock {
  readonly layers: number;
  readonly lastLayer: number;
}

/** Which axes a mask has before [rows, sources]. */
export interface MaskAxes {
  /** One mask for each item of the batch. */
  readonly perItem: boolean;
  readonly perPosition: boolean;
}

/** The activations that are patched in for a source block [rows, batch, pos, width]; null for zeros. */
export type PatchValue = AnyValue | null;

/**
 * Whether differences have the batch as their first axis. A mask for each item makes the sum of each item a product of its own:
 * then every source is brought into that order once, not once for every layer that reads it.
 */
export const batchFirst = ({ perItem, perPosition }: MaskAxes): boolean => perItem && !perPosition;

/** Products of gradients with this many sources are as fast as with more (docs/performance.md). */
export const ROWS_OF_A_PRODUCT = 32;

/** Collects D of every source block, in the order of the sources, and gives it in as few blocks as there are. */
export class ActivationDifferences {
  readonly #b: ProgramBuilder;
  /** The axis of the sources. */
  readonly #sourceAxis: 0 | 1;
  readonly #mostMerged: number;
  readonly #blocks: SourceDifference[] = [];
  readonly #merged: MergedBlock[] = [];

  /**
   * @param isBatchFirst whether the batch is the first axis
   * @param mostMerged the most rows that are joined: joining costs a copy, and only sums over many terms gain by ever fewer of them
   */
  constructor(builder: ProgramBuilder, isBatchFirst = false, mostMerged = Number.POSITIVE_INFINITY) {
    this.#b = builder;
    this.#sourceAxis = isBatchFirst ? 1 : 0;
    this.#mostMerged = mostMerged;
  }

  /** Adds one source block: (patch − current) · projection, so that head outputs are formed only here. */
  add(current: SourceActivations, patch: PatchValue): void {
    const difference = patch ? this.#b.sub(patch, current.value) : this.#b.neg(current.value);
    const activations = { value: difference, projection: current.projection };
    const byRow = outputsByRow(this.#b, activations);
    const value = this.#sourceAxis === 0 ? byRow : batchLeading(this.#b, byRow);
    const { at, start, stop } = current.block;
    this.#blocks.push({ start, stop, value, activations });
    const layer = layerOf(at) ?? 0; // the input goes with the first layer
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
  /** Joins the last two blocks where they stand side by side; whether they do. */
  #mergeLast(layers: number): boolean {
    const [before, last] = this.#merged.slice(-2) as [MergedBlock, MergedBlock];
    if (before.stop !== last.start) return false;
    const value = this.#b.concat([before.value, last.value], this.#sourceAxis);
    const { start } = before;
    this.#merged.splice(-2, 2, { start, stop: last.stop, value, layers, lastLayer: last.lastLayer });
    return true;
  }

  /** D of the sources `start` to `stop`, one source block each. */
  bySourceBlock(start: number, stop: number): SourceDifference[] {
    return this.#blocks.filter((block) => block.start >= start && block.stop <= stop);
  }

  /**
   * ΣD over dModel of the sources before row `end`: [sources, batch, pos]. A head's is its value times the sums of its
   * projection.
   */
  sums(end: number): AnyValue {
    const b = this.#b;
    const sums = this.bySourceBlock(0, end).map(({ activations: { value, projection } }) => {
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
          value: this.#b.slice(block.value, this.#sourceAxis, from - block.start, to - block.start),
        };
      });
  }
}

/**
 * [sources, batch, pos, dModel] → [batch, sources, pos, dModel]. Flat on the way: otherwise runtimes move the transpose after
 * every concatenation.
 */
function batchLeading(b: ProgramBuilder, x: AnyValue): AnyValue {
  const [rows, batch, pos, dModel] = x.shape as [Dim, Dim, Dim, Dim];
  const flat = b.reshape(x, [rows, batch, multiplyDims(pos, dModel)]);
  return b.reshape(b.transpose(flat, [1, 0, 2]), [batch, rows, pos, dModel]);
}

/** One term of an edge sum: weights [batch?, pos?, rows, k] for k sources, whose differences lie as `ActivationDifferences` has them. */
export interface EdgeSumTerm {
  readonly weights: AnyValue;
  readonly sources: AnyValue;
}

/** Σ over terms of weights · sources: [rows, batch, pos, dModel]. */
export function edgeSum(b: ProgramBuilder, axes: MaskAxes, terms: readonly EdgeSumTerm[]): AnyValue {
  const summands = terms.map(({ weights, sources }) => {
    const count = weights.shape.at(-2)!;
    if (batchFirst(axes)) {
      const [batch, k, pos, dModel] = sources.shape as [Dim, Dim, Dim, Dim];
      const product = b.matmul(weights, b.reshape(sources, [batch, k, multiplyDims(pos, dModel)])); // [batch, rows, pos·dModel]
      return b.reshape(b.transpose(product, [1, 0, 2]), [count, multiplyDims(batch, pos, dModel)]);
    }
    const [k, batch, pos, dModel] = sources.shape as [Dim, Dim, Dim, Dim];
    if (!axes.perItem && !axes.perPosition) {
      return b.matmul(weights, b.reshape(sources, [k, multiplyDims(batch, pos, dModel)])); // [rows, batch·pos·dModel]
    }
    const byPosition = b.transpose(sources, [1, 2, 0, 3]); // [batch, pos, k, dModel]
    const product = b.matmul(weights, byPosition); // [batch, pos, rows, dModel]
    return b.reshape(b.transpose(product, [2, 0, 1, 3]), [count, multiplyDims(batch, pos, dModel)]);
  });
  const total = summands.reduce((a, x) => b.add(a, x)); // [rows, batch·pos·dModel]
  const [first, second, pos, dModel] = terms[0]!.sources.shape as [Dim, Dim, Dim, Dim];
  return b.reshape(total, [total.shape[0]!, batchFirst(axes) ? first : second, pos, dModel]);
}

/**
 * gradient · D for each prompt (and each position): [batch, rows, sources] or [batch, pos, rows, sources].
 * This is ∂M/∂mask, since an edge's mask enters only through what its destination reads.
 * @param gradient at what is read: [rows, batch, pos, dModel]
 * @param isBatchFirst how the differences lie
 */
export function contractScores(
  b: ProgramBuilder,
  keepPositions: boolean,
  gradient: AnyValue,
  blocks: readonly DifferenceBlock[],
  isBatchFirst = false,
): AnyValue {
  const [rows, batch, pos, dModel] = gradient.shape as [Dim, Dim, Dim, Dim];
  const outer = keepPositions ? multiplyDims(batch, pos) : batch;
  const inner = keepPositions ? dModel : multiplyDims(pos, dModel);
  const outerFirst = (x: AnyValue): AnyValue => b.transpose(b.reshape(x, [x.shape[0]!, outer, inner]), [1, 0, 2]); // [outer, x rows, inner]
  const sources = (value: AnyValue): AnyValue =>
    isBatchFirst ? b.reshape(value, [outer, value.shape[1]!, inner]) : outerFirst(value); // [outer, k, inner]
  const all = joined(
    b,
    blocks.map((block) => b.matmul(outerFirst(gradient), sources(block.value), { transposeB: true })),
    2,
  ); // [outer, rows, sources]
  return keepPositions ? b.reshape(all, [batch, pos, rows, all.shape[2]!]) : all;
}

/** Values side by side along an axis; one alone is itself. */
export const joined = (b: ProgramBuilder, values: readonly AnyValue[], axis: number): AnyValue =>
  values.length === 1 ? values[0]! : b.concat(values, axis);
