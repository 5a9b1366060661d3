/** @file What is asked of a task: how it is opened, and how edges are patched. */
import type { Backend } from '../backend/backend.js';
import type { GraphOptions } from '../graph/types.js';
import type { ModelObject } from '../model/model.js';
import type { ObjectiveName } from '../objectives/names.js';
import type { ChosenObjective, ObjectiveDefinition } from '../plugin/objective.js';
import type { Side } from '../prompts/types.js';
import type { Ablating } from '../run/ablations.js';
import type { PatchType } from '../run/run-circuits.js';
import type { Spans } from '../spans/spans.js';
import type { TaskData, TaskTokenizer } from './task-prompts.js';

/** What a task is opened with: data, model and backend; everything else has the default of the command line. */
export interface OpenTaskRequest {
  /** A task (its prompts and its defaults), or prompts of your own: a file's path or URL, or one that has been read. */
  readonly data: TaskData;
  readonly model: ModelObject;
  /** Needed for prompts of text. */
  readonly tokenizer?: TaskTokenizer | null;
  /** Where the model was read from: `loadModel` gives it, and nothing here needs it. */
  readonly folder?: string | undefined;
  /** A backend, which stays yours, or what makes one (`onnxBackend`), which is disposed with the task. */
  readonly backend: Backend | (() => Promise<Backend>);

  /** What is patched in, everywhere: in scores, circuits and patches. Default: `resample`. */
  readonly ablation?: Ablating;
  /** Whose values an ablation takes. Default: `corrupt`. */
  readonly ablateFrom?: Side;
  /** `tree` (the default) patches all but the circuit into the clean run; `edge` the circuit into the corrupt run. */
  readonly patchType?: PatchType;
  /** Swaps the two sides of circuit runs. Default: false. */
  readonly reverse?: boolean;
  /** What gradients are taken of. Default: the task's; else the logit difference, or the answer's logit without wrong answers. */
  readonly objective?: ObjectiveName | ObjectiveDefinition | ChosenObjective;
  /** Nodes and edges; `positions: 'each'` gives every token position its own edges. Default: the task's, Q, K and V apart. */
  readonly graph?: Partial<Omit<GraphOptions, 'positions'>> & { readonly positions?: 'each' | null };

  /**
   * Roles of token positions: edges for each span in place of each position, so that prompts of several lengths have one graph.
   * Not with `positions: 'each'`. Default: none.
   */
  readonly spans?: Spans;
  /** Whether a BOS token is put before prompts of text. Default: as the tokenizer does. */
  readonly bos?: boolean;
  /** Only prompts of so many tokens. Default: all. */
  readonly length?: number;
  /** Only the first so many. Default: all. */
  readonly limit?: number;
  /**
   * Leaves out prompts that do not fit the model or its tokenizer, with a warning that counts them, and takes the next ones.
   * Default: false, the first of them is refused.
   */
  readonly skipUnfit?: boolean;
  /** Prompts that scores and means are taken on. Default: the task's, else half. */
  readonly train?: number;
  /** Prompts that circuits are measured on; `same`: those of the scores. Default: the others. */
  readonly test?: number | 'same';
  /** Prompts a batch. Default: the task's, else 32. */
  readonly batchSize?: number;
  /** Where all randomness starts. Default: 0. */
  readonly seed?: number;

  /** Most resident memory of this process, in bytes. Default: half of the machine's, as an aim. */
  readonly memoryBytes?: number;
  /** Told of what is likely not meant, in one sentence. Default: `process.emitWarning`. */
  readonly onWarning?: (line: string) => void;
}

/** How edges are patched in one call. */
export interface PatchEdgesOptions {
  /** What is patched in, for this call. Default: the task's ablation. */
  readonly ablation?: Ablating;
  /** The side that is run. Default: `clean`, or `corrupt` with `reverse`; values of the other prompt come from the other side. */
  readonly input?: Side;
}
