/** @file The contract of a score metric: a finite value for any scores and circuit, or a sentence. */
import { AutoCircuitError } from '../errors/error.js';
import { makeCircuit } from '../graph/circuit.js';
import { unflattenScores } from '../graph/score-index.js';
import { topEdges } from '../graph/scores.js';
import type { Graph, PruneScores } from '../graph/types.js';
import { uniformAt } from '../numeric/counter-random.js';
import type { MetricValue } from '../plugin/metric.js';
import { parseOptions } from '../plugin/option-values.js';
import type { ScoreMetric, ScoreMetricContext } from '../plugin/score-metric.js';
import { checkedMeasurement } from '../run/check-results.js';
import { type ContractCheck, require, requireSentence, thrownBy } from './contract.js';
import { contributionChecks } from './contribution-checks.js';
import { smallGraph, stagedGraph } from './graphs.js';

/** How a score metric is tried. */
export interface ScoreMetricContractOptions {
  /** Options other than the defaults to run the suite with. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/**
 * Every check of a score metric: name, doc, options and unit; a finite value on several graphs, the same twice, with what it was
 * given left as it was; a value or a sentence for empty circuits, the whole graph and scores that are all equal; a sentence where
 * it needs a known circuit and there is none, and a value without one where it does not.
 */
export function scoreMetricContract(
  metric: ScoreMetric,
  { options }: ScoreMetricContractOptions = {},
): ContractCheck[] {
  const values = parseOptions(metric.options, options ?? {}, metric.name);
  const measure = (context: ScoreMetricContext): MetricValue =>
    checkedMeasurement(metric.name, 0, () => metric.measure(context, values));
  const check = (name: string, run: () => Promise<void> | void): ContractCheck => ({ name, run: async () => run() });
  return [
    ...contributionChecks(metric),
    check('has a unit', () => {
      const unit: unknown = typeof metric.unit === 'string' ? metric.unit : metric.unit(values);
      require(typeof unit === 'string' && unit.trim() !== '', `${metric.name} has no unit`);
    }),
    check('gives a finite value for scores and circuits of any graph', () => {
      const values = new Set<number>();
      for (const graph of [stagedGraph(), smallGraph(), smallGraph({ positions: 2 })]) {
        for (const size of [1, 5, graph.edgeCount - 1]) {
          const measured = measure(contextOf(graph, { size }));
          requireFinite(measured);
          values.add(measured.value);
        }
      }
      require(values.size > 1, 'all scores and circuits have the same value', 'other values', `${[...values][0]}`);
    }),
    check('gives the same twice, and leaves what it was given alone', () => {
      const context = contextOf(smallGraph(), { size: 5 });
      const before = JSON.stringify(context.scores);
      const [a, b] = [measure(context), measure(context)];
      require(JSON.stringify(a) ===
        JSON.stringify(b), 'the same scores gave another value', `${a.value}`, `${b.value}`);
      require(JSON.stringify(context.scores) === before, 'the metric changed the scores');
    }),
    check('gives a value or a sentence for the empty circuit, the whole graph and equal scores', () => {
      const graph = stagedGraph();
      for (const spec of [{ size: 0 }, { size: graph.edgeCount }, { size: 5, equal: true }]) {
        try {
          requireFinite(measure(contextOf(graph, spec)));
        } catch (error) {
          if (!(error instanceof AutoCircuitError) || error.where === 'contract' || error.code === 'plugin-failed')
            throw error;
        }
      }
    }),
    check('says so where it needs a known circuit, and does without where it does not', async () => {
      const context = { ...contextOf(smallGraph(), { size: 5 }), known: null };
      if (!metric.needsKnownCircuit) return requireFinite(measure(context));
      const error = await thrownBy(() => measure(context), 'no known circuit');
      requireSentence(error, 'no known circuit', /known circuit/);
    }),
  ];
}

function requireFinite({ value }: MetricValue): void {
  require(Number.isFinite(value), 'the value is not a finite number', 'a number', `${value}`);
}

function contextOf(graph: Graph, { size, equal = false }: { size: number; equal?: boolean }): ScoreMetricContext {
  const scoresOf = (salt: number): PruneScores =>
    unflattenScores(
      graph,
      Float32Array.from({ length: graph.edgeCount }, (_, edge) => (equal ? 1 : 2 * uniformAt(17, salt, edge) - 1)),
    );
  const scores = scoresOf(0);
  const known = Array.from({ length: graph.edgeCount }, (_, edge) => edge).filter((edge) => edge % 3 === 0);
  return {
    graph,
    scores,
    circuit: makeCircuit(graph, topEdges(graph, scores, size).edges),
    known: { name: 'every third edge', circuit: makeCircuit(graph, known) },
  };
}
