/** @file Training of an autoencoder on rows whose features are known. */
import { seededRandom } from '@auto-circuit/core/plugin';
import { expect, it } from 'vitest';
import { type AutoencoderReport, trainAutoencoder } from './train-autoencoder.js';

it('finds the directions that sparse sums are made of', () => {
  const [d, features, count] = [8, 12, 2000];
  const random = seededRandom(3, 'sparse sums');
  const directions = Array.from({ length: features }, () => {
    const row = Array.from({ length: d }, () => random.normal());
    const length = Math.hypot(...row);
    return row.map((x) => x / length);
  });
  const rows = new Float32Array(count * d);
  for (let row = 0; row < count; row++) {
    for (const direction of directions) {
      if (random.below(8) > 0) continue; // one in eight is there
      const size = 1 + Math.abs(random.normal());
      for (let i = 0; i < d; i++) rows[row * d + i]! += size * direction[i]!;
    }
  }
  const reports: AutoencoderReport[] = [];
  const settings = { latents: 16, steps: 1500, batchSize: 32, learningRate: 1e-2, sparsity: 0.4, seed: 1 };
  const { decoder } = trainAutoencoder(rows, d, settings, (report) => reports.push(report));
  expect(reports.map(({ step }) => step)).toEqual([500, 1000, 1500]);
  expect(reports.at(-1)!.unexplained).toBeLessThan(0.1);
  expect(reports.at(-1)!.active).toBeLessThan(4); // 12 / 8 are there on average
  const best = directions.map((direction) =>
    Math.max(
      ...Array.from({ length: 16 }, (_, j) => direction.reduce((sum, x, i) => sum + x * decoder[j * d + i]!, 0)),
    ),
  );
  // rows of length 1: the product is the cosine
  expect(best.filter((cosine) => cosine > 0.9).length).toBeGreaterThanOrEqual(features - 2);
});
