/**
 * @file What a plugin contributes. Plain objects without side effects on import:
 *
 * @example
 * export default definePlugin({ name: 'my-plugin', contributes: [definePruneAlgo({ name: 'mine', doc: '…', options: {}, score })] });
 */

import type { Backend, BackendSettings } from '../backend/backend.js';
import type { Graph, PruneScores } from '../graph/types.js';
import type { ModelObject } from '../model/model.js';
import type { ObjectiveName } from '../objectives/names.js';
import type { Objective } from '../objectives/objective.js';
import type { PatchDescription } from '../patch/requests/ablations.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import type { OutputPositions } from '../prompts/output-positions.js';
import type { PromptFile } from '../prompts/prompt-file.js';
import type { TextEncoder } from '../prompts/tokenize.js';
import type { PromptBatch } from '../prompts/types.js';
import type { FloatArray, Tensor } from '../tensor/tensor.js';
import type { OptionTable, OptionValues } from './options.js';

export const PLUGIN_API_VERSION = 1;

/** Told of progress; `done` of `total` in the algorithm's own unit. */
export interface Progress {
  report(done: number, total: number, unit?: string): void;
}

/** What an algorithm is given. It never sees the known circuit. */
export interface PruneAlgoContext {
  readonly model: PatchableModel;
  readonly graph: Graph;
  /** The prompts that scores are taken on. */
  readonly batches: readonly PromptBatch[];
  /** The run's objective (`--objective`), for algorithms that do not fix their own. */
  readonly objective: Objective;
  /** What the run's ablation patches in (`--ablation`, `--ablate-from`); data-set means are already made. */
  readonly patch: PatchDescription;
  readonly seed: number;
  readonly progress: Progress;
  /** Tells the person at the terminal of something that is likely not what they want, in one sentence. */
  readonly warn?: (line: string) => void;
  /** Partial work, kept by the run folder so that a killed run goes on; absent in plain library use. */
  readonly checkpoint?: Checkpoint;
  /** Aborted on Ctrl-C: long loops check `signal.throwIfAborted()` between batches. */
  readonly signal?: AbortSignal;
}
/** A small store for partial results, written atomically. */
export interface Checkpoint {
  load(): Promise<CheckpointData | null>;
  save(data: CheckpointData): Promise<void>;
}
export interface CheckpointData {
  /** Plain numbers and strings (JSON). */
  readonly state: Readonly<Record<string, unknown>>;
  readonly arrays: Readonly<Record<string, Float64Array>>;
}
/** Scores of source nodes, in the graph's order. */
export interface NodeScores {
  /** [position?, sources]. */
  readonly scores: Tensor<FloatArray>;
  /** Of the single numbers that each node writes to the residual stream: [position?, sources, dModel]. */
  readonly neurons?: Tensor<FloatArray>;
}
export interface PruneResult {
  readonly scores: PruneScores;
  /** Of an algorithm that scores nodes, and edges by their source. */
  readonly nodes?: NodeScores;
  /** Standard error of each score over prompts, where the algorithm averages over prompts. */
  readonly standardErrors?: PruneScores;
  /** What an algorithm that trains saw at each step (`loss`, …), before the step was taken. */
  readonly curves?: Readonly<Record<string, readonly number[]>>;
}
export interface PruneAlgo<T extends OptionTable = OptionTable> {
  readonly kind: 'prune-algo';
  readonly name: string;
  readonly doc: string;
  readonly options: T;
  /** Whether scores are effects with a sign: above 0 where the edge supports the answer. Without it: true. */
  readonly signed?: boolean;
  /** false: it takes no mask gradients, which need the most memory. Without it: true. */
  readonly gradients?: boolean;
  score(context: PruneAlgoContext, options: OptionValues<T>): Promise<PruneResult>;
}

/**
 * The output of one circuit, or of the whole model, on one batch: logits `[prompts, outputSize]` at the last position, or
 * `[prompts, positions, outputSize]` where several are read (`outputRows` gives them prompt by prompt).
 */
export interface BatchOutputs {
  readonly batch: PromptBatch;
  readonly logits: Float32Array;
}
/** What a metric sees of one measured point. */
export interface MetricContext {
  readonly graph: Graph;
  readonly outputSize: number;
  /** The circuit's outputs, batch by batch, in prompt order. */
  readonly circuit: readonly BatchOutputs[];
  /** The whole model on the clean and the corrupt prompts, for the same batches. */
  readonly clean: readonly BatchOutputs[];
  readonly corrupt: readonly BatchOutputs[];
  /** Every edge patched: the empty circuit. */
  readonly empty: readonly BatchOutputs[];
  /** The circuit of all edges: the whole model on the side that circuits run on (with `--reverse` the corrupt one). */
  readonly model: readonly BatchOutputs[];
}
export interface MetricValue {
  readonly value: number;
  /** Standard error over prompts, where it has one. Runs write that of the bootstrap where there are `prompts`. */
  readonly standardError?: number;
  /** What the value is made of, where it is a mean or a ratio of means over prompts. */
  readonly prompts?: PromptValues;
}
/** Prompt by prompt, in prompt order: a number that is Σ values ÷ Σ weights; without weights, each is 1. */
export interface PromptValues {
  readonly values: readonly number[];
  readonly weights?: readonly number[];
}
export interface Metric<T extends OptionTable = OptionTable> {
  readonly kind: 'metric';
  readonly name: string;
  readonly doc: string;
  readonly options: T;
  readonly higherIsBetter: boolean;
  /** Whether prompts need wrong answers for it. */
  readonly needsWrongAnswers: boolean;
  /** Unit of y, for axes: `nats`, `logits`, `%`, … */
  readonly unit: string;
  measure(context: MetricContext, options: OptionValues<T>): MetricValue;
}

export interface Task {
  readonly kind: 'task';
  readonly name: string;
  readonly doc: string;
  /** A model by name, folder or hub name, or an object. */
  readonly model: string | ModelObject;
  /** The data set: a file URL or path to AutoCircuit's prompt JSON, or what makes one for a model's tokenizer. */
  readonly data: URL | string | PromptGenerator;
  /** Whether every token position has edges of its own. */
  readonly tokenPositions?: boolean;
  /** Whether heads read Q, K and V through edges of their own, when the command does not say. Default: they do. */
  readonly splitQkv?: boolean;
  /** Where outputs are read, when the command does not say. Default: what the model says. */
  readonly outputs?: OutputPositions;
  /** The objective when the command does not say. */
  readonly objective?: ObjectiveName;
  /** Prompts a batch, when the command does not say. */
  readonly batchSize?: number;
  /** Prompts to choose the circuit on, of the whole data set, when the command does not say. Default: half. */
  readonly train?: number;
  /** Known circuits of the task's own model by name, from papers; the first is meant when none is named. */
  readonly officialCircuits?: Readonly<Record<string, OfficialCircuit>>;
}

/** Makes prompts that fit a tokenizer: every answer one token, the two of a pair equally long. */
export interface PromptGenerator {
  /** Prompts of the task's data set. */
  readonly count: number;
  /** The seed of the task's data set. */
  readonly seed: number;
  /**
   * The same request gives the same prompts.
   * @throws AutoCircuitError when so many different prompts cannot be made with this tokenizer
   */
  generate(request: PromptRequest): PromptFile;
}
export interface PromptRequest {
  readonly encoder: TextEncoder;
  readonly count: number;
  readonly seed: number;
}

/** A circuit that a paper found in the task's own model. Algorithms never see it; scores are compared with it. */
export interface OfficialCircuit {
  /** What it holds, and the paper. */
  readonly doc: string;
  /**
   * Names of its edges (`A9.9->Resid End`, `…@3`; without a position: the edge at every position), each once.
   * @param wordIdxs positions of words as `tokenizePrompts` gives them (BOS counted): what graphs with token positions need
   * @throws AutoCircuitError when the graph is not of the model that the paper looked at, or a word's position is missing
   */
  edges(graph: Graph, wordIdxs: Readonly<Record<string, number>>): readonly string[];
}

/** A model family: how to read a checkpoint and make a `ModelObject` of it. */
export interface Architecture {
  readonly kind: 'architecture';
  readonly name: string;
  readonly doc: string;
  /** `model_type` values of config.json that it reads. */
  readonly modelTypes: readonly string[];
  load(request: ArchitectureRequest): Promise<ModelObject>;
}
export interface ArchitectureRequest {
  readonly name: string;
  /** A Hugging Face folder. */
  readonly folder: string;
  readonly process: 'all' | 'none';
  readonly onWarning: (line: string) => void;
  /** Told of weights converted, of all. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface BackendDefinition<T extends OptionTable = OptionTable> {
  readonly kind: 'backend';
  readonly name: string;
  readonly doc: string;
  readonly options: T;
  create(settings: BackendSettings, options: OptionValues<T>): Promise<Backend>;
  /** For `doctor`: what is found here, what is missing and the command that installs it. Never throws. */
  probe(): Promise<readonly ProbeLine[]>;
}
export interface ProbeLine {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface ContributionMap {
  'prune-algo': PruneAlgo;
  metric: Metric;
  task: Task;
  architecture: Architecture;
  backend: BackendDefinition;
}
export type ContributionKind = keyof ContributionMap;
export type Contribution = ContributionMap[ContributionKind];
export interface Plugin {
  readonly apiVersion: number;
  readonly name: string;
  readonly contributes: readonly Contribution[];
}

/** Erases the option table's type for the registry; the table itself checks values when they arrive. */
export const definePruneAlgo = <const T extends OptionTable>(algo: Omit<PruneAlgo<T>, 'kind'>): PruneAlgo =>
  Object.freeze({ kind: 'prune-algo', ...algo }) as unknown as PruneAlgo;
export const defineMetric = <const T extends OptionTable>(metric: Omit<Metric<T>, 'kind'>): Metric =>
  Object.freeze({ kind: 'metric', ...metric }) as unknown as Metric;
export const defineBackend = <const T extends OptionTable>(
  backend: Omit<BackendDefinition<T>, 'kind'>,
): BackendDefinition => Object.freeze({ kind: 'backend', ...backend }) as unknown as BackendDefinition;
export const defineTask = (task: Omit<Task, 'kind'>): Task => Object.freeze({ kind: 'task', ...task });
export const defineArchitecture = (architecture: Omit<Architecture, 'kind'>): Architecture =>
  Object.freeze({ kind: 'architecture', ...architecture });
export const definePlugin = (plugin: Omit<Plugin, 'apiVersion'>): Plugin =>
  Object.freeze({ apiVersion: PLUGIN_API_VERSION, ...plugin });
