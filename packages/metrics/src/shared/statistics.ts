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

/** The mean over prompts, and its standard error when there are two prompts or more. @throws AutoCircuitError `no-prompts` */
export function meanValue(where: string, values: readonly number[]): MetricValue {
  if (values.length === 0) throw noPrompts(where);
  return metricValue(mean(values), standardErrorOf(values), { values });
}

/** A ratio of two means over the same prompts. */
export interface RatioRequest {
  readonly numerators: readonly number[];
  readonly denominators: readonly number[];
  readonly scale: number;
  /** The mean of the denominators in words, for the error when it is 0. */
  readonly what: string;
}

/**
 * scale · mean(numerators) / mean(denominators), over the same prompts. Standard error by the delta method: with R the ratio of
 * means, the mean of (numerator − R · denominator) / mean(denominators) has that of R to first order.
 *
 * @throws AutoCircuitError `undefined-metric` when mean(denominators) is 0.
 */
export function ratioOfMeans(where: string, { numerators, denominators, scale, what }: RatioRequest): MetricValue {
  if (numerators.length === 0) throw noPrompts(where);
  const divisor = mean(denominators);
  if (divisor === 0) {
    throw new AutoCircuitError({
      code: 'undefined-metric',
      fields: { metric: where },
      where,
      what: `${what} is 0, so nothing can be measured against it`,
      fix: 'choose a metric that is not a ratio, or prompts on which the model can do the task',
    });
  }
  const ratio = mean(numerators) / divisor;
  const residuals = numerators.map((x, i) => (x - ratio * denominators[i]!) / divisor);
  const error = standardErrorOf(residuals);
  const values = numerators.map((x) => scale * x);
  return metricValue(scale * ratio, error === undefined ? undefined : Math.abs(scale) * error, {
    values,
    weights: denominators,
  });
}

const noPrompts = (where: string): AutoCircuitError =>
  new AutoCircuitError({ code: 'no-prompts', where, what: 'there are no prompts to measure on', kind: 'internal' });
