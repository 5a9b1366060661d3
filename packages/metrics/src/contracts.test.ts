import type { Metric } from '@auto-circuit/core/plugin';
import { metricContract, runContract } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { metricsPlugin } from './index.js';

const metrics = metricsPlugin.contributes as readonly Metric[];

it('the plugin holds every metric once', () => {
  expect(metrics.map((metric) => metric.kind)).toEqual(metrics.map(() => 'metric'));
  expect(new Set(metrics.map((metric) => metric.name)).size).toBe(16);
});
for (const metric of metrics) runContract(metric.name, metricContract(metric), { describe, it });
