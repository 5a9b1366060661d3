/** @file What a metric is: what it sees of a measured circuit, what it gives. */
import type { Graph } from '../graph/types.js';
import type { ReadRow } from '../objectives/readings.js';
import type { PromptBatch } from '../prompts/types.js';
import type { Explained } from './explained.js';
import type { ResultFigure } from './figures.js';
import type { OptionTable, OptionValues } from './options.js';

/**
 * The output of one circuit, or of the whole model, on one batch: logits `[prompts, outputSize]` at the last position, or
 * `[prompts, positions, outputSize]` where several are read (`outputRows` gives them prompt by prompt).
 */
export interface BatchOutputs {
  readonly batch: PromptBatch;
  readonly logits: Float32Array;
  /** Where all metrics say what they read (`Metric.reads`) a run may give this alone, without logits. */
  readonly read?: ReadOutputs;
}
/** What a run gave in place of logits. */
export interface ReadOutputs {
  /** Of each prompt, at the last position. */
  readonly rows: readonly ReadRow[];
  /** The outputs that the divergences of `rows` are from, in their order. */
  readonly references: readonly BatchOutputs[];
}
/** What metrics read of outputs by `answerRows` (`answers`) and `klByPrompt` (from the clean or the corrupt run). */
export type MetricReading = 'answers' | 'kl-clean' | 'kl-corrupt';
/** What a metric sees of one measured point. */
export interface MetricContext {
  readonly graph: Graph;
  /** Numbers of one output: the size of the vocabulary, or of what else the model gives. */
  readonly outputSize: number;
  /** The circuit's outputs, batch by batch, in prompt order. */
  readonly circuit: readonly BatchOutputs[];
  /** The whole model on the clean and the corrupt prompts, for the same batches. */
  readonly clean: readonly BatchOutputs[];
  readonly corrupt: readonly BatchOutputs[];
  /** Every edge patched: the empty circuit. */
  readonly empty: readonly BatchOutputs[];
  /** The circuit of all edges: the whole model on the side that circuits run on (the corrupt one where the sides are reversed). */
  readonly model: readonly BatchOutputs[];
}
/** One measured value. */
export interface MetricValue {
  readonly value: number;
  /** Standard error over prompts, where it has one. Runs write that of the bootstrap where there are `prompts`. */
  readonly standardError?: number;
  /** The numbers behind the value, if it is a mean or a ratio of means over prompts. */
  readonly prompts?: PromptValues;
  /** Further numbers that the metric computes, by name, saved with the value in `measurements.json`. */
  readonly parts?: Readonly<Record<string, number>>;
  /** What the report shows of the circuit that is kept; every measured point keeps its own, so they had better be small. */
  readonly figures?: readonly ResultFigure[];
}
/** Prompt by prompt, in prompt order: a number that is Σ values ÷ Σ weights; without weights, each is 1. */
export interface PromptValues {
  readonly values: readonly number[];
  readonly weights?: readonly number[];
}
/** A measure of circuits: a number for each size. */
export interface Metric<T extends OptionTable = OptionTable> extends Explained {
  readonly kind: 'metric';
  /** In kebab-case. */
  readonly name: string;
  /** One line, for lists. */
  readonly doc: string;
  readonly options: T;
  readonly higherIsBetter: boolean;
  /** Whether prompts need wrong answers for it. */
  readonly needsWrongAnswers: boolean;
  /** Unit of y, for axes: `nats`, `logits`, `%`, …; where options decide it, a function of them. */
  readonly unit: string | ((options: OptionValues<T>) => string);
  /**
   * All that it reads of a circuit's outputs. Large vocabularies are then read where the model runs. Without it logits are there,
   * whatever the vocabulary.
   */
  readonly reads?: readonly MetricReading[];
  /**
   * Measures one circuit; the same context gives the same value.
   * @throws AutoCircuitError where the value is not defined, as when what it is measured against is 0
   */
  measure(context: MetricContext, options: OptionValues<T>): MetricValue;
}

/** A metric as a contribution. The option table's type is erased: the table itself checks values when they arrive. */
export const defineMetric = <const T extends OptionTable>(metric: Omit<Metric<T>, 'kind'>): Metric =>
  Object.freeze({ kind: 'metric', ...metric }) as unknown as Metric;
