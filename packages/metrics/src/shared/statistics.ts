/** @file Means over prompts with their standard errors, and ratios of means with theirs by the delta method. */
import { AutoCircuitError, type MetricValue, type PromptValues } from '@auto-circuit/core/plugin';

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

/** √(Σ(x − x̄)² / (n(n − 1))); undefined for a single value. */
export function standardErrorOf(values: readonly number[]): number | undefined {
  const n = values.length;
  if (n < 2) return undefined;
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, x) => sum + (x - centre) ** 2, 0) / (n * (n - 1)));
}

const metricValue = (value: number, standardError: number | undefined, prompts: PromptValues): MetricValue =>
  Object.freeze({ value, ...(standardError === undefined ? {} : { standardError }), prompts: Object.freeze(prompts) });

/** The mean over prompts, and its standard error when there are two prompts or more. */
export function meanValue(where: string, values: readonly number[]): MetricValue {
  if (values.length === 0) throw noPrompts(where);
  return metricValue(mean(values), standardErrorOf(values), { values });
}

/**
 * scale · mean(above) / mean(below), over the same prompts. Standard error by the delta method: with R the ratio of
 * means, the mean of (above − R·below) / mean(below) has that of R to first order.
 *
 * @throws AutoCircuitError `undefined-metric` when mean(below) is 0.
 */
export function ratioOfMeans(
  where: string,
  { above, below, scale, what }: { above: readonly number[]; below: readonly number[]; scale: number; what: string },
): MetricValue {
  if (above.length === 0) throw noPrompts(where);
  const divisor = mean(below);
  if (divisor === 0) {
    throw new AutoCircuitError({
      code: 'undefined-metric',
      fields: { metric: where },
      where,
      what: `${what} is 0, so nothing can be measured against it`,
      fix: 'choose a metric that is no ratio, or prompts on which the model does the task',
    });
  }
  const ratio = mean(above) / divisor;
  const residuals = above.map((x, i) => (x - ratio * below[i]!) / divisor);
  const error = standardErrorOf(residuals);
  const values = above.map((x) => scale * x);
  return metricValue(scale * ratio, error === undefined ? undefined : Math.abs(scale) * error, {
    values,
    weights: below,
  });
}

const noPrompts = (where: string): AutoCircuitError =>
  new AutoCircuitError({ code: 'no-prompts', where, what: 'there are no prompts to measure on', kind: 'internal' });
