/**
 * @file Trains a small sparse autoencoder on the host: least squares with an L1 penalty on latents, by Adam. Gradients are
 * written out; decoder rows have length 1, so that activity has a unit. For models of the size that is shipped here.
 */
import type { MemoryWeight } from '@auto-circuit/core/backend';
import { seededRandom } from '@auto-circuit/core/plugin';
import { ADAM_DEFAULTS, Adam, learningRateAt } from '../training/adam.js';
import type { Autoencoder } from './autoencoder.js';

/** Settings of the training. */
export interface AutoencoderTraining {
  readonly latents: number;
  readonly steps: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** The L1 penalty: what a unit of a latent's activity costs against a unit of squared error. */
  readonly sparsity: number;
  readonly seed: number;
}
/** How good the autoencoder is after some steps. */
export interface AutoencoderReport {
  readonly step: number;
  /** Squared error over the variance of what is encoded. */
  readonly unexplained: number;
  /** Mean number of latents that are not 0. */
  readonly active: number;
}
/** The settings that the shipped autoencoder was trained with. */
export const AUTOENCODER_DEFAULTS: AutoencoderTraining = Object.freeze({
  ...{ latents: 128, steps: 3000, batchSize: 256, learningRate: 3e-3, sparsity: 0.1, seed: 1 },
});

/**
 * Trains an autoencoder.
 * @param rows what is encoded, [count, dModel]
 * @param report called every 500 steps, with means since the last call
 * @returns encoder, decoder and their biases; the same request gives the same numbers
 */
export function trainAutoencoder(
  rows: Float32Array,
  dModel: number,
  { latents: n, steps, batchSize, learningRate, sparsity, seed }: AutoencoderTraining,
  report: (report: AutoencoderReport) => void = () => undefined,
): Pick<Autoencoder, 'encoder' | 'encoderBias' | 'decoder' | 'decoderBias'> {
  const d = dModel;
  const count = rows.length / d;
  const random = seededRandom(seed, 'autoencoder');
  const decoder = Float32Array.from({ length: n * d }, () => random.normal()); // [latents, dModel]
  unitRows(decoder, d);
  const encoder = transposed(decoder, n, d); // [dModel, latents]
  const encoderBias = new Float32Array(n);
  const decoderBias = meanRow(rows, d);
  const variance = spread(rows, decoderBias);
  const weights: Record<string, MemoryWeight> = {
    encoder: { shape: [d, n], data: encoder },
    encoderBias: { shape: [n], data: encoderBias },
    decoder: { shape: [n, d], data: decoder },
    decoderBias: { shape: [d], data: decoderBias },
  };
  const adam = new Adam(weights, { ...ADAM_DEFAULTS, weightDecay: 0, clipNorm: Number.POSITIVE_INFINITY });
  const slopes = Object.fromEntries(
    Object.entries(weights).map(([name, { data }]) => [name, new Float64Array(data.length)]),
  );
  const [x, error, active] = [new Float64Array(d), new Float64Array(d), new Float64Array(n)];
  const sums = { squared: 0, active: 0, rows: 0 };

  for (let step = 0; step < steps; step++) {
    for (const slope of Object.values(slopes)) slope.fill(0);
    for (let row = 0; row < batchSize; row++) addRow(random.below(count) * d);
    adam.step(learningRateAt(step, { peak: learningRate, warmUp: 50, steps }), (name) => slopes[name]!);
    unitRows(decoder, d);
    if ((step + 1) % 500 === 0 || step + 1 === steps) {
      report({ step: step + 1, unexplained: sums.squared / sums.rows / variance, active: sums.active / sums.rows });
      Object.assign(sums, { squared: 0, active: 0, rows: 0 });
    }
  }
  return { encoder, encoderBias, decoder, decoderBias };

  /** Forward and backward of one row, added to the sums of slopes. */
  function addRow(at: number): void {
    const scale = 1 / batchSize;
    for (let i = 0; i < d; i++) {
      x[i] = rows[at + i]! - decoderBias[i]!;
      error[i] = -x[i]!;
    }
    active.set(encoderBias);
    for (let i = 0; i < d; i++) for (let j = 0; j < n; j++) active[j]! += x[i]! * encoder[i * n + j]!;
    for (let j = 0; j < n; j++) {
      if (active[j]! <= 0) continue;
      sums.active++;
      for (let i = 0; i < d; i++) error[i]! += active[j]! * decoder[j * d + i]!;
    }
    for (let i = 0; i < d; i++) {
      sums.squared += error[i]! ** 2;
      slopes.decoderBias![i]! += 2 * scale * error[i]!;
    }
    sums.rows++;
    for (let j = 0; j < n; j++) {
      if (active[j]! <= 0) continue;
      let slope = sparsity * scale;
      for (let i = 0; i < d; i++) {
        slope += 2 * scale * error[i]! * decoder[j * d + i]!;
        slopes.decoder![j * d + i]! += 2 * scale * error[i]! * active[j]!;
      }
      slopes.encoderBias![j]! += slope;
      for (let i = 0; i < d; i++) {
        slopes.encoder![i * n + j]! += slope * x[i]!;
        slopes.decoderBias![i]! -= slope * encoder[i * n + j]!;
      }
    }
  }
}

function unitRows(matrix: Float32Array, d: number): void {
  for (let at = 0; at < matrix.length; at += d) {
    const length = Math.hypot(...matrix.subarray(at, at + d));
    for (let i = at; i < at + d; i++) matrix[i]! /= length;
  }
}
const transposed = (matrix: Float32Array, rows: number, columns: number): Float32Array =>
  Float32Array.from({ length: matrix.length }, (_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!);

function meanRow(rows: Float32Array, d: number): Float32Array {
  const sums = new Float64Array(d);
  for (const [i, x] of rows.entries()) sums[i % d]! += x;
  return Float32Array.from(sums, (x) => (x * d) / rows.length);
}
/** Mean squared distance of the rows from their mean. */
function spread(rows: Float32Array, mean: Float32Array): number {
  let total = 0;
  for (const [i, x] of rows.entries()) total += (x - mean[i % mean.length]!) ** 2;
  return (total * mean.length) / rows.length;
}
