/** @file The contract of a metric: what every metric, first-party or not, has to keep to. */
import { AutoCircuitError } from '../errors/error.js';
import type { BatchOutputs, Metric, MetricContext, MetricValue } from '../plugin/metric.js';
import { parseOptions } from '../plugin/option-values.js';
import { checkedMeasurement } from '../run/check-results.js';
import { ratioOfSums } from '../statistics/bootstrap.js';
import { type ContractCheck, require, requireSentence, thrownBy } from './contract.js';
import { contributionChecks } from './contribution-checks.js';
import { METRIC_OUTPUT_SIZE, metricContext } from './metric-contexts.js';

/** How a metric is tried. */
export interface MetricContractOptions {
  /** Options other than the defaults to run the suite with. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/**
 * Every check of a metric: valid name, doc and options; a finite value with a standard error that is not negative, and prompt values that make it; the
 * same value however the prompts are cut into batches; one prompt, ragged answers, outputs at several positions; a value that follows what the circuit outputs; inputs left as they
 * were; a sentence when the prompts lack the wrong answers that it needs, and none when it does not need them.
 */
export function metricContract(metric: Metric, { options }: MetricContractOptions = {}): ContractCheck[] {
  const values = parseOptions(metric.options, options ?? {}, metric.name);
  const measure = (context: MetricContext): MetricValue => {
    const prompts = context.circuit.reduce((n, { batch }) => n + batch.prompts.length, 0);
    return checkedMeasurement(metric.name, prompts, () => metric.measure(context, values));
  };
  const check = (name: string, run: () => Promise<void> | void): ContractCheck => ({ name, run: async () => run() });
  return [
    ...contributionChecks(metric),
    check('has a unit', () => {
      const unit: unknown = typeof metric.unit === 'string' ? metric.unit : metric.unit(values);
      require(typeof unit === 'string' && unit.trim().length > 0, `${metric.name} has no unit`);
    }),
    check('gives a finite value and a standard error that is not negative', () => {
      requireValue(measure(metricContext({})));
    }),
    check('gives the same value twice, and leaves what it was given alone', () => {
      const context = metricContext({});
      const before = JSON.stringify(context);
      requireSame(measure(context), measure(context), 'the same context twice');
      require(JSON.stringify(context) === before, 'the metric changed its inputs');
    }),
    check('does not depend on how prompts are cut into batches', () => {
      const whole = measure(metricContext({ cuts: [6] }));
      for (const cuts of [
        [2, 2, 2],
        [1, 5],
        [1, 1, 1, 1, 1, 1],
      ]) {
        requireSame(whole, measure(metricContext({ cuts })), `batches of ${cuts}`);
      }
    }),
    check('takes one prompt, without a standard error', () => {
      const value = measure(metricContext({ prompts: 1, cuts: [1] }));
      requireValue(value);
      require(value.standardError === undefined, 'one prompt has no standard error', 'none', `${value.standardError}`);
    }),
    check('takes prompts with several answers, of different numbers', () => {
      requireValue(measure(metricContext({ ragged: true })));
    }),
    check('reads every position where outputs are read at several', () => {
      const one = measure(metricContext({}));
      const twice = measure(metricContext({ positions: [0, 0] }));
      requireSame(one, twice, 'the same outputs at two positions');
      const [there, back] = [
        [0, 3],
        [3, 0],
      ].map((positions) => measure(metricContext({ positions })));
      requireSame(there!, back!, 'two positions in the other order');
    }),
    check('follows what the circuit outputs', () => {
      const context = metricContext({});
      const values = [context.circuit, context.clean, context.corrupt].flatMap((circuit) => {
        try {
          return [measure({ ...context, circuit }).value];
        } catch (error) {
          if (!(error instanceof AutoCircuitError)) throw error;
          return []; // not defined there
        }
      });
      require(new Set(values).size >
        1, 'other outputs of the circuit give the same value', 'other values', `${values[0]}`);
    }),
    check('says so when it needs wrong answers, and does without where it does not', async () => {
      const context = metricContext({ wrongAnswers: false });
      if (!metric.needsWrongAnswers) return requireValue(measure(context));
      const error = await thrownBy(() => measure(context), 'prompts without wrong answers');
      requireSentence(error, 'prompts without wrong answers', /wrong answers/);
    }),
    check('gives a value or a sentence when the circuit is the whole model, or empty', () => {
      const context = metricContext({});
      for (const circuit of [context.clean, context.empty])
        requireValueOrSentence(() => measure({ ...context, circuit }));
    }),
    check('gives a value or a sentence on outputs that are all equal', () => {
      const flat = (outputs: readonly BatchOutputs[]): BatchOutputs[] =>
        outputs.map(({ batch }) => ({ batch, logits: new Float32Array(batch.prompts.length * METRIC_OUTPUT_SIZE) }));
      const { graph, outputSize, ...runs } = metricContext({});
      const [circuit, clean, corrupt, empty] = [runs.circuit, runs.clean, runs.corrupt, runs.empty].map(flat);
      requireValueOrSentence(() =>
        measure({
          graph,
          outputSize,
          circuit: circuit!,
          clean: clean!,
          corrupt: corrupt!,
          empty: empty!,
          model: clean!,
        }),
      );
    }),
  ];
}

function requireValue({ value, standardError, prompts }: MetricValue): void {
  require(Number.isFinite(value), 'the value is not a finite number', 'a number', `${value}`);
  if (prompts) {
    const of = ratioOfSums(prompts);
    const apart = Math.abs(of - value) > 64 * Number.EPSILON * Math.max(1, Math.abs(value));
    require(!apart, 'the numbers of prompts do not make the value', `${value}`, `${of}`);
  }
  if (standardError === undefined) return;
  require(Number.isFinite(standardError) &&
    standardError >= 0, 'the standard error is not usable', 'a number from 0', `${standardError}`);
}

function requireValueOrSentence(measure: () => MetricValue): void {
  try {
    requireValue(measure());
  } catch (error) {
    if (!(error instanceof AutoCircuitError) || error.where === 'contract') throw error;
  }
}

/** Equal up to the rounding of float64 sums over a few prompts. */
function requireSame(a: MetricValue, b: MetricValue, what: string): void {
  const apart = (x = 0, y = 0): boolean =>
    Math.abs(x - y) > 64 * Number.EPSILON * Math.max(1, Math.abs(x), Math.abs(y));
  require(!apart(a.value, b.value), `${what}: another value`, `${a.value}`, `${b.value}`);
  require(!apart(
    a.standardError,
    b.standardError,
  ), `${what}: another standard error`, `${a.standardError}`, `${b.standardError}`);
}
