/** @file What a score metric is: a measure of prune scores and the circuits that they give, beside metrics of what circuits output. */
import type { Circuit, Graph, PruneScores } from '../graph/types.js';
import type { Explained } from './explained.js';
import type { MetricValue } from './metric.js';
import type { OptionTable, OptionValues } from './options.js';

/** What a score metric sees of one measured point. */
export interface ScoreMetricContext {
  readonly graph: Graph;
  readonly scores: PruneScores;
  /** Standard errors of the scores over prompts, where the algorithm gave them. */
  readonly standardErrors?: PruneScores | undefined;
  /** The circuit of the point, as the scores gave it. */
  readonly circuit: Circuit;
  /** The task's known circuit, where it has one of this graph. */
  readonly known: KnownEdges | null;
}
/** A circuit that is known from a paper or a construction. */
export interface KnownEdges {
  readonly name: string;
  readonly circuit: Circuit;
}

/** A measure of scores and circuits: a number for each size. Named by `--metric` like metrics of outputs. */
export interface ScoreMetric<T extends OptionTable = OptionTable> extends Explained {
  readonly kind: 'score-metric';
  /** In kebab-case; no metric of outputs may have it. */
  readonly name: string;
  /** One line, for lists. */
  readonly doc: string;
  readonly options: T;
  readonly higherIsBetter: boolean;
  /** Unit of y, for axes; where options decide it, a function of them. */
  readonly unit: string | ((options: OptionValues<T>) => string);
  /** Whether it compares with the task's known circuit; then tasks without one are refused. Default: no. */
  readonly needsKnownCircuit?: boolean;
  /**
   * Measures one circuit; the same context gives the same value. Its `prompts` have no place here.
   * @throws AutoCircuitError where the value is not defined
   */
  measure(context: ScoreMetricContext, options: OptionValues<T>): Omit<MetricValue, 'prompts'>;
}

/** A score metric as a contribution. The option table's type is erased: the table itself checks values when they arrive. */
export const defineScoreMetric = <const T extends OptionTable>(metric: Omit<ScoreMetric<T>, 'kind'>): ScoreMetric =>
  Object.freeze({ kind: 'score-metric', ...metric }) as unknown as ScoreMetric;
