import type { Metric } from '@auto-circuit/core/plugin';
import { metricContract, runContract } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { metricsPlugin } from './index.js';

const metrics = metricsPlugin.contributes.filter((one): one is Metric => one.kind === 'metric');

it('the plugin holds every metric once', () => {
  expect(metricsPlugin.contributes.map((one) => one.kind).filter((kind) => kind !== 'metric')).toEqual([
    'score-metric',
    'score-metric',
  ]);
  expect(new Set(metricsPlugin.contributes.map((one) => one.name)).size).toBe(19);
  expect(metrics).toHaveLength(17);
});
it('every metric says its formula and when to use it', () => {
  const silent = metricsPlugin.contributes.filter((one) => !one.formula || !one.use).map(({ name }) => name);
  expect(silent).toEqual([]);
});
for (const metric of metrics) runContract(metric.name, metricContract(metric), { describe, it });
