/** @file Source activations that are the same for every prompt: means over prompts, and constants. Sums run in float64 in prompt order. */

import { elementCount, floatTensor, type Tensor } from '../../tensor/tensor.js';
import type { ConstantPatch } from '../requests/ablations.js';

/** What the sources of every site wrote, by site: [rows, batch, pos, width]. */
export type SiteTensors = ReadonlyMap<string, Tensor<Float32Array>>;

interface SiteSum {
  /** [rows, 1, pos, width]. */
  readonly shape: readonly [number, number, number, number];
  readonly sum: Float64Array;
}

/** Sums of source activations over prompts, by site and position. */
export class PositionSums {
  readonly #sums = new Map<string, SiteSum>();
  #prompts = 0;

  /** @param tensors of some prompts, [rows, batch, pos, width] by site */
  add(tensors: SiteTensors): void {
    let prompts = 0;
    for (const [site, { shape, data }] of tensors) {
      const [rows, batch, pos, width] = shape as [number, number, number, number];
      prompts = batch;
      const slab = pos * width;
      const entry = this.#sums.get(site) ?? { shape: [rows, 1, pos, width], sum: new Float64Array(rows * slab) };
      this.#sums.set(site, entry);
      for (let r = 0; r < rows; r++) {
        for (let i = 0; i < batch; i++) {
          const base = (r * batch + i) * slab;
          for (let k = 0; k < slab; k++) entry.sum[r * slab + k]! += data[base + k]!;
        }
      }
    }
    this.#prompts += prompts;
  }

  /** The means over prompts for each position, [rows, 1, pos, width]. */
  means(): SiteTensors {
    return this.#map(({ sum }) => Float32Array.from(sum, (x) => x / this.#prompts));
  }

  /** The means over prompts and positions, the same at every position: [rows, 1, pos, width]. */
  meansOverPositions(): SiteTensors {
    return this.#map(({ shape, sum }) => {
      const [rows, , pos, width] = shape;
      const out = new Float32Array(elementCount(shape));
      for (let r = 0; r < rows; r++) {
        for (let w = 0; w < width; w++) {
          let total = 0;
          for (let p = 0; p < pos; p++) total += sum[(r * pos + p) * width + w]!;
          const mean = total / (this.#prompts * pos);
          for (let p = 0; p < pos; p++) out[(r * pos + p) * width + w] = mean;
        }
      }
      return out;
    });
  }

  #map(of: (entry: SiteSum) => Float32Array): SiteTensors {
    return new Map([...this.#sums].map(([site, entry]) => [site, floatTensor(of(entry), entry.shape)]));
  }
}

/** [rows, 1, pos, width] by site, repeated for every prompt of a batch: [rows, batch, pos, width]. */
export function repeatedOverBatch(sites: SiteTensors, batch: number): SiteTensors {
  return new Map(
    [...sites].map(([site, { shape, data }]) => {
      const [rows, , pos, width] = shape as [number, number, number, number];
      const slab = pos * width;
      const out = new Float32Array(rows * batch * slab);
      for (let r = 0; r < rows; r++) {
        const from = data.subarray(r * slab, (r + 1) * slab);
        for (let i = 0; i < batch; i++) out.set(from, (r * batch + i) * slab);
      }
      return [site, floatTensor(out, [rows, batch, pos, width])] as const;
    }),
  );
}

/** Constants [rows, width] by site, for every prompt and position: [rows, batch, pos, width]. */
export function repeatedConstants({ values }: ConstantPatch, batch: number, length: number): SiteTensors {
  return new Map(
    Object.entries(values).map(([site, { shape, data }]) => {
      const [rows, width] = shape as [number, number];
      const out = new Float32Array(rows * batch * length * width);
      for (let row = 0, at = 0; row < rows; row++) {
        const constant = data.subarray(row * width, (row + 1) * width);
        for (let i = 0; i < batch * length; i++, at += width) out.set(constant, at);
      }
      return [site, floatTensor(out, [rows, batch, length, width])] as const;
    }),
  );
}
