/** @file What `discover` is asked: everything that a run is made of. */
import type { BackendInfo } from '../backend/backend.js';
import type { ObjectiveName } from '../objectives/names.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import type { ChosenObjective } from '../plugin/objective.js';
import type { PromptScoreDType } from '../plugin/prompt-scores.js';
import type { PruneAlgo } from '../plugin/prune-algo.js';
import type { KnownEdges } from '../plugin/score-metric.js';
import type { WorkPart } from '../plugin/work-share.js';
import type { Prompt } from '../prompts/types.js';
import type { ExistingFolder } from '../run-folder/run-files.js';
import type { CircuitSizes } from '../run-folder/schemas.js';
import type { MeasuringShares } from './circuit-runs.js';
import type { SelectionSettings } from './circuits-to-measure.js';
import type { RunPromptSettings } from './prompts-of-run.js';
import type { ChosenMetric } from './run-circuits.js';

/** All that decides a run, and where its results go. */
export interface DiscoverRequest extends SelectionSettings, RunPromptSettings {
  readonly model: PatchableModel;
  readonly prompts: readonly Prompt[];
  readonly algo: PruneAlgo;
  readonly algoOptions: Readonly<Record<string, string | number | boolean>>;
  readonly metrics: readonly ChosenMetric[];
  /** A built-in one by name, or any with its options. */
  readonly objective: ObjectiveName | ChosenObjective;
  readonly sizes: CircuitSizes;
  /** The size of the circuit that is written; `auto`: the smallest faithful one. */
  readonly keep: number | 'auto';
  /** Keeps the scores of every training prompt: in the run's folder, or in memory without one. Default: only their mean. */
  readonly perPrompt?: PromptScoreDType | null;
  /** Lets settings through that make little sense. */
  readonly force?: boolean;
  /** The task's known circuit, for metrics that compare with it; algorithms never see it. */
  readonly known?: KnownEdges | null;
  /** Where results are written; without it they are only returned. */
  readonly store?: {
    readonly folder: string;
    readonly existing: ExistingFolder;
    readonly identity: RunIdentity;
    /** Reads files of the folder although they are damaged, with a warning. Default: false, they are refused. */
    readonly readDamaged?: boolean;
  };
  /** What came of all units of the scores (`scoreShare`), in their order: the scores are put together from it. */
  readonly parts?: () => AsyncIterable<WorkPart>;
  /** Runs of circuits that processes share, or have shared (`measureShare`). Default: all are done here. */
  readonly measuring?: MeasuringShares;
  /** Seconds that the caller took to load model and data, for `timings.json`. */
  readonly loadSeconds?: number;
  /** Peak resident memory of other processes that take part, in bytes (`Backend.processMemory`), for `timings.json`. */
  readonly processMemory?: (() => Promise<number>) | undefined;
}

/** What the caller knows of a run beyond the request. */
export interface RunIdentity {
  /** `key`: the weight store's; `processing`: the steps that changed the weights on loading. */
  readonly model: { readonly name: string; readonly key: string; readonly processing: readonly string[] };
  /** `name`: the file's or the task's; `bos`: what was done about it; `leftOut`: places of prompts that do not fit. */
  readonly data: { readonly name: string; readonly bos: string; readonly leftOut?: readonly number[] };
  /** What stands at each token position, and positions of words: written where positions have edges of their own. */
  readonly positions?: { readonly labels: readonly string[]; readonly words: Readonly<Record<string, number>> };
  /** The text of token ids: some prompts are kept as text, for the report. Without it none are. */
  readonly decode?: (ids: readonly number[]) => string;
  /** What opens model and data again: names and paths. */
  readonly sources: Readonly<Record<string, string | number | boolean | null>>;
  readonly backend: BackendInfo;
  /** A hash of the code of each plugin that takes part and has no version of its own (`Registered.code`). */
  readonly plugins?: Readonly<Record<string, string>>;
  /** The kinds of hardware that shares of this run were computed on, where they are more than one. */
  readonly hardware?: readonly string[];
  /** Versions by package; Node's is added. */
  readonly versions: Readonly<Record<string, string>>;
}
