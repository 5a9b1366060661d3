/**
 * @file Pass 1: what every source wrote on a side of a batch, by micro-batch (before the projection), kept while the
 * budget allows; and the ablations that are made of it. Sums run in float64 in prompt order.
 */

import { AutoCircuitError } from '../../errors/error.js';
import type { PromptBatch, Side } from '../../prompts/types.js';
import { elementCount, floatTensor, type Tensor } from '../../tensor/tensor.js';
import type { ConstantPatch, MeanHandle, PatchDescription } from '../requests/ablations.js';
import { inOrder } from './map-limit.js';

/** Per site, what its sources wrote: [rows, items, pos, width]. */
export type SiteTensors = ReadonlyMap<string, Tensor<Float32Array>>;
/** Runs pass 1 on items `start` to `stop` of a batch. */
export type Capture = (batch: PromptBatch, side: Side, start: number, stop: number) => Promise<SiteTensors>;

/** Means by site: [rows, 1, pos, width]. */
interface Mean extends MeanHandle {
  readonly sites: Map<string, Tensor<Float32Array>>;
}

export class SourceStore {
  readonly #capture: Capture;
  readonly #budgetBytes: number;
  readonly #kept = new Map<string, SiteTensors>();
  readonly #batchIds = new WeakMap<PromptBatch, number>();
  readonly #batchMeans = new WeakMap<PromptBatch, Map<string, SiteTensors>>();
  readonly #parallel: number;
  #keptBytes = 0;
  #nextId = 0;

  /** @param parallel captures that run at once */
  constructor(capture: Capture, budgetBytes: number, parallel = 1) {
    this.#parallel = parallel;
    this.#capture = capture;
    this.#budgetBytes = budgetBytes;
  }

  /** Items `start` to `stop` of a side of a batch. */
  async side(batch: PromptBatch, side: Side, start: number, stop: number): Promise<SiteTensors> {
    const id = this.#batchIds.get(batch) ?? this.#nextId++;
    this.#batchIds.set(batch, id);
    const key = `${id} ${side} ${start} ${stop}`;
    const known = this.#kept.get(key);
    if (known) {
      this.#kept.delete(key);
      this.#kept.set(key, known);
      return known;
    }
    const captured = await this.#capture(batch, side, start, stop);
    this.#keep(key, captured);
    return captured;
  }

  /**
   * Pass 1 of a side for the whole batch before pass 2, so that their programs take turns once a batch, not once a
   * micro-batch. Does nothing more than its first piece when the batch does not fit in what may be kept.
   */
  async prepare(batch: PromptBatch, side: Side, cuts: readonly (readonly [number, number])[]): Promise<void> {
    const [first, ...others] = cuts;
    if (!first) return;
    const bytes = bytesOf(await this.side(batch, side, ...first));
    if (bytes * cuts.length > this.#budgetBytes) return;
    await inOrder(others, this.#parallel, (cut) => this.side(batch, side, ...cut));
  }

  #keep(key: string, tensors: SiteTensors): void {
    const bytes = bytesOf(tensors);
    if (bytes > this.#budgetBytes) return;
    for (const [oldKey, old] of this.#kept) {
      if (this.#keptBytes + bytes <= this.#budgetBytes) break;
      this.#kept.delete(oldKey);
      this.#keptBytes -= bytesOf(old);
    }
    this.#kept.set(key, tensors);
    this.#keptBytes += bytes;
  }

  /** What a patch description puts in for items `start` to `stop`; null for zeros. `cuts` are the batch's micro-batches. */
  async patch(
    batch: PromptBatch,
    patch: PatchDescription,
    start: number,
    stop: number,
    cuts: readonly (readonly [number, number])[],
  ): Promise<SiteTensors | null> {
    switch (patch.kind) {
      case 'zero':
        return null;
      case 'resample':
        return this.side(batch, patch.from, start, stop);
      case 'mean': {
        if (patch.length !== batch.length) {
          throw new AutoCircuitError({
            where: 'core/patch',
            what: 'the mean over the data set has another length than the prompts',
            expected: `prompts of ${patch.length} tokens`,
            got: `${batch.length}`,
            fix: 'take prompts of one length (--length N)',
          });
        }
        return expand((patch as Mean).sites, stop - start);
      }
      case 'constant':
        return repeated(patch, stop - start, batch.length);
      case 'batch-mean':
      case 'batch-position-mean':
        return expand(await this.#batchMean(batch, patch, cuts), stop - start);
    }
  }

  async #batchMean(
    batch: PromptBatch,
    patch: { kind: 'batch-mean' | 'batch-position-mean'; from: Side },
    cuts: readonly (readonly [number, number])[],
  ): Promise<SiteTensors> {
    const known = this.#batchMeans.get(batch) ?? new Map<string, SiteTensors>();
    this.#batchMeans.set(batch, known);
    const key = `${patch.kind} ${patch.from}`;
    let mean = known.get(key);
    if (!mean) {
      const sums = new PositionSums();
      for (const [start, stop] of cuts) sums.add(await this.side(batch, patch.from, start, stop));
      mean = patch.kind === 'batch-mean' ? sums.means() : sums.meansOverPositions();
      known.set(key, mean);
    }
    return mean;
  }

  /** Means over a data set, one for each position. */
  async meanOf(
    batches: readonly { readonly batch: PromptBatch; readonly cuts: readonly (readonly [number, number])[] }[],
    of: Side | 'both',
  ): Promise<MeanHandle> {
    const lengths = [...new Set(batches.map(({ batch }) => batch.length))];
    if (lengths.length !== 1) {
      throw new AutoCircuitError({
        where: 'core/patch',
        what: 'a mean for each position needs prompts of one length',
        got: lengths.length === 0 ? 'no prompts' : `lengths ${lengths.sort((a, b) => a - b).join(', ')}`,
        fix: 'pick one with --length N',
      });
    }
    const sums = new PositionSums();
    const sides: readonly Side[] = of === 'both' ? ['clean', 'corrupt'] : [of];
    for (const side of sides) {
      for (const { batch, cuts } of batches)
        for (const [start, stop] of cuts) sums.add(await this.side(batch, side, start, stop));
    }
    const sites = new Map(sums.means());
    const handle: Mean = { kind: 'mean', of, length: lengths[0]!, sites, dispose: () => sites.clear() };
    return handle;
  }

  dispose(): void {
    this.#kept.clear();
    this.#keptBytes = 0;
  }
}

const bytesOf = (tensors: SiteTensors): number => [...tensors.values()].reduce((n, t) => n + t.data.byteLength, 0);

/** [rows, 1, pos, width] repeated for every item. */
function expand(sites: SiteTensors, items: number): SiteTensors {
  return new Map(
    [...sites].map(([site, { shape, data }]) => {
      const [rows, , pos, width] = shape as [number, number, number, number];
      const slab = pos * width;
      const out = new Float32Array(rows * items * slab);
      for (let r = 0; r < rows; r++) {
        const from = data.subarray(r * slab, (r + 1) * slab);
        for (let i = 0; i < items; i++) out.set(from, (r * items + i) * slab);
      }
      return [site, floatTensor(out, [rows, items, pos, width])] as const;
    }),
  );
}

/** Float64 sums over items, by site and position. */
class PositionSums {
  readonly #sums = new Map<string, { readonly shape: readonly number[]; readonly sum: Float64Array }>();
  #items = 0;

  add(tensors: SiteTensors): void {
    let items = 0;
    for (const [site, { shape, data }] of tensors) {
      const [rows, n, pos, width] = shape as [number, number, number, number];
      items = n;
      const slab = pos * width;
      const entry = this.#sums.get(site) ?? { shape: [rows, 1, pos, width], sum: new Float64Array(rows * slab) };
      this.#sums.set(site, entry);
      for (let r = 0; r < rows; r++) {
        for (let i = 0; i < n; i++) {
          const base = (r * n + i) * slab;
          for (let k = 0; k < slab; k++) entry.sum[r * slab + k]! += data[base + k]!;
        }
      }
    }
    this.#items += items;
  }

  means(): SiteTensors {
    return new Map(
      [...this.#sums].map(
        ([site, { shape, sum }]) =>
          [
            site,
            floatTensor(
              Float32Array.from(sum, (x) => x / this.#items),
              shape,
            ),
          ] as const,
      ),
    );
  }

  meansOverPositions(): SiteTensors {
    return new Map(
      [...this.#sums].map(([site, { shape, sum }]) => {
        const [rows, , pos, width] = shape as [number, number, number, number];
        const out = new Float32Array(elementCount(shape));
        for (let r = 0; r < rows; r++) {
          for (let w = 0; w < width; w++) {
            let total = 0;
            for (let p = 0; p < pos; p++) total += sum[(r * pos + p) * width + w]!;
            const mean = total / (this.#items * pos);
            for (let p = 0; p < pos; p++) out[(r * pos + p) * width + w] = mean;
          }
        }
        return [site, floatTensor(out, shape)] as const;
      }),
    );
  }
}

/** The constants for so many items and positions: [rows, items, pos, width]. */
export function repeated({ values }: ConstantPatch, items: number, length: number): SiteTensors {
  return new Map(
    Object.entries(values).map(([site, { shape, data }]) => {
      const [rows, width] = shape as [number, number];
      const out = new Float32Array(rows * items * length * width);
      for (let row = 0, at = 0; row < rows; row++) {
        const constant = data.subarray(row * width, (row + 1) * width);
        for (let i = 0; i < items * length; i++, at += width) out.set(constant, at);
      }
      return [site, floatTensor(out, [rows, items, length, width])] as const;
    }),
  );
}
