/** @file D of every source, patch − current, as rows of a store: written source block by source block, read in chunks. */
import type { Graph } from '../../graph/types.js';
import { floatTensor, type Tensor } from '../../tensor/tensor.js';
import type { SiteTensors } from '../exec/activation-means.js';
import { floats } from '../exec/micro-batches.js';
import type { SourceActivations } from '../modes/points.js';
import { CHUNK_BYTES, type PieceContext } from './piece-context.js';
import { CURRENT, differenceProgram, PATCH, RESULT } from './piece-programs.js';
import type { PieceTrace } from './piece-trace.js';
import { type RowStore, rowStore } from './row-store.js';

/** Some sources, and their D. */
export interface DifferenceChunk {
  readonly start: number;
  readonly stop: number;
  /** [sources, batch, pos, dModel]. */
  readonly value: Tensor<Float32Array>;
}

/** D of the sources of some prompts. */
export class Differences {
  readonly #store: RowStore;
  readonly #rowShape: readonly number[];
  readonly #most: number;

  /** @param memoryBytes the most that may lie in memory */
  constructor({ sources, layout }: Graph, prompts: number, length: number, memoryBytes: number) {
    const numbers = prompts * length * layout.dModel;
    this.#rowShape = [prompts, length, layout.dModel];
    this.#most = Math.max(1, Math.floor(CHUNK_BYTES / (4 * numbers)));
    this.#store = rowStore(sources.length, numbers, memoryBytes);
  }

  /**
   * Computes and keeps the rows of a source block.
   * @param current what it writes in this run, [rows, batch, pos, width]
   * @param patch what is patched in; null for zeros
   */
  async add(
    { setting, runner }: PieceContext,
    trace: PieceTrace,
    source: SourceActivations,
    current: Tensor<Float32Array>,
    patch: SiteTensors | null,
  ): Promise<void> {
    const { block, projection } = source;
    const other = patch?.get(block.site);
    if (!projection) {
      const rows = current.data.map((x, i) => (other ? other.data[i]! - x : -x));
      return this.#store.write(block.start, rows);
    }
    const make = () => differenceProgram(setting, trace, source, other !== undefined);
    const results = await runner.run(`difference ${block.site} ${other !== undefined}`, make, {
      [CURRENT]: current,
      ...(other ? { [PATCH]: other } : {}),
    });
    this.#store.write(block.start, floats(results, RESULT));
  }

  /** D of the sources `start` to `stop`, chunk by chunk. */
  *chunks(start: number, stop: number): Generator<DifferenceChunk> {
    for (let from = start; from < stop; from += this.#most) {
      const to = Math.min(stop, from + this.#most);
      yield { start: from, stop: to, value: floatTensor(this.#store.read(from, to), [to - from, ...this.#rowShape]) };
    }
  }

  close(): void {
    this.#store.close();
  }
}
