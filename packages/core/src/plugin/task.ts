/** @file What a task is: a model, its prompts, and the circuits that papers found. */
import type { Graph } from '../graph/types.js';
import type { ModelObject } from '../model/model.js';
import type { ObjectiveName } from '../objectives/names.js';
import type { OutputPositions } from '../prompts/output-positions.js';
import type { PromptFile } from '../prompts/prompt-file.js';
import type { TextEncoder } from '../prompts/text-encoder.js';
import type { Explained } from './explained.js';

/** A behaviour to look for: a model, prompts, and where papers found one, the known circuit. */
export interface Task extends Explained {
  readonly kind: 'task';
  /** In kebab-case. */
  readonly name: string;
  /** One line, for lists. */
  readonly doc: string;
  /** A model by name, folder or hub name, or an object. */
  readonly model: string | ModelObject;
  /** The data set: a file URL or path to AutoCircuit's prompt JSON, or what makes one for a model's tokenizer. */
  readonly data: URL | string | PromptGenerator;
  /** Whether every token position has edges of its own. */
  readonly tokenPositions?: boolean;
  /** Whether separate edges into the Q, K and V inputs of heads, when the run does not say. Default: they do. */
  readonly splitQkv?: boolean;
  /** Where outputs are read, when the run does not say. Default: what the model says. */
  readonly outputs?: OutputPositions;
  /** The objective when the run does not say. */
  readonly objective?: ObjectiveName;
  /** Prompts a batch, when the run does not say. */
  readonly batchSize?: number;
  /** Prompts to choose the circuit on, of the whole data set, when the run does not say. Default: half. */
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
/** Which prompts to make. */
export interface PromptRequest {
  /** The tokenizer that they must fit. */
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

/** A task as a contribution. */
export const defineTask = (task: Omit<Task, 'kind'>): Task => Object.freeze({ kind: 'task', ...task });
