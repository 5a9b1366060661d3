import { describe, expect, it } from 'vitest';
import type { Measurement } from '../run-folder/schemas.js';
import { mergeMeasurements, sizesLeft } from './evaluate.js';

const measurement = (
  metric: string,
  points: readonly (readonly [requested: number | null, edges: number, value: number])[],
): Measurement => ({
  metric,
  unit: 'nats',
  higherIsBetter: false,
  model: 0,
  empty: 9,
  points: points.map(([requested, edges, value]) => ({ requested, edges, edgesConnected: edges, value })),
});
const rows = (measurements: readonly Measurement[]) =>
  measurements.map(({ metric, points }) => [
    metric,
    points.map(({ requested, edges, value }) => [requested, edges, value]),
  ]);

describe('mergeMeasurements', () => {
  it('adds sizes in order and metrics at the end; what was there first stays', () => {
    const first = [measurement('kl', [[2, 2, 5], [8, 8, 1]])];
    const added = [measurement('kl', [[5, 5, 3], [8, 8, 7]]), measurement('acc', [[5, 5, 0.5]])];
    expect(rows(mergeMeasurements(first, added))).toEqual([
      ['kl', [[2, 2, 5], [5, 5, 3], [8, 8, 1]]],
      ['acc', [[5, 5, 0.5]]],
    ]);
    expect(mergeMeasurements(first, [])).toEqual(first);
  });

  it('a size keeps what was first requested for it, in every metric', () => {
    // ties make 3 and 4 asked the same circuit of 4 edges
    const merged = mergeMeasurements([measurement('kl', [[3, 4, 1]])], [measurement('acc', [[4, 4, 0.5]])]);
    expect(rows(merged)).toEqual([
      ['kl', [[3, 4, 1]]],
      ['acc', [[3, 4, 0.5]]],
    ]);
  });
}); // biome-ignore format: points

describe('sizesLeft', () => {
  const measured = [
    measurement('kl', [
      [3, 4, 1],
      [8, 8, 1],
    ]),
    measurement('acc', [[8, 8, 1]]),
  ];

  it('are those at which a metric has no point, by number of edges or as requested', () => {
    expect(sizesLeft(measured, ['kl'], [3, 4, 5, 8])).toEqual([5]);
    expect(sizesLeft(measured, ['kl', 'acc'], [3, 4, 8])).toEqual([3, 4]);
    expect(sizesLeft(measured, ['new'], [8])).toEqual([8]);
    expect(sizesLeft([], ['kl'], [])).toEqual([]);
  });
});
