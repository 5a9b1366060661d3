/** @file What a pruning algorithm is: what it is given, what it gives. */
import type { Graph, NodeScores, PruneScores } from '../graph/types.js';
import type { Objective } from '../objectives/objective.js';
import type { PatchDescription } from '../patch/requests/ablations.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import type { PromptBatch } from '../prompts/types.js';
import type { Checkpoint } from './checkpoint.js';
import type { Explained } from './explained.js';
import type { ResultFigure } from './figures.js';
import type { OptionTable, OptionValues } from './options.js';
import type { PromptScoreSink } from './prompt-scores.js';
import type { DividedWork, WorkPart, WorkShare } from './work-share.js';

/** Reports progress: `done` of `total`, in the algorithm's own unit. */
export interface Progress {
  report(done: number, total: number, unit?: string): void;
}

/** What an algorithm is given. It never sees the known circuit. */
export interface PruneAlgoContext {
  /** What scores are taken from. */
  readonly model: PatchableModel;
  /** The same as `model.graph`. */
  readonly graph: Graph;
  /** The prompts that scores are taken on. */
  readonly batches: readonly PromptBatch[];
  /** The run's objective, for algorithms that do not fix their own. */
  readonly objective: Objective;
  /** What the run's ablation patches in; data-set means are already made. */
  readonly patch: PatchDescription;
  /** The run's seed: every random choice follows from it. */
  readonly seed: number;
  readonly progress: Progress;
  /** Tells the user, in one sentence, about something that is probably not what they want. */
  readonly warn?: (line: string) => void;
  /** Partial work, kept in the run folder so that a killed run can be resumed; absent in plain library use. */
  readonly checkpoint?: Checkpoint;
  /** Aborted on Ctrl-C: long loops check `signal.throwIfAborted()` between batches. */
  readonly signal?: AbortSignal;
  /** Only these units are to be done and kept; what is returned then is of no use to anybody. For algorithms with `units`. */
  readonly share?: WorkShare;
  /** All units are done: what came of them, in their order. For algorithms with `units`. */
  readonly parts?: AsyncIterable<WorkPart>;
  /** Where the scores of single prompts are wanted: for algorithms with `byPrompt`, and never with `share` or `parts`. */
  readonly byPrompt?: PromptScoreSink | undefined;
}
/** What an algorithm gives. */
export interface PruneResult {
  /** One number for each edge; importance is its absolute value. */
  readonly scores: PruneScores;
  /** Of an algorithm that scores nodes, and edges by their source. */
  readonly nodes?: NodeScores;
  /** Standard error of each score over prompts, where the algorithm averages over prompts. */
  readonly standardErrors?: PruneScores;
  /** How many standard errors to each side hold the score in 95 of 100 draws of the prompts; `ScoreAccumulator` finds it. */
  readonly intervalFactor?: number;
  /** What an algorithm that trains saw at each step (`loss`, …), before the step was taken. */
  readonly curves?: Readonly<Record<string, readonly number[]>>;
  /** What the report shows beyond scores and curves, in this order. */
  readonly figures?: readonly ResultFigure[];
}
/** A pruning algorithm: from a model and prompts to a score for each edge. */
export interface PruneAlgo<T extends OptionTable = OptionTable> extends Explained {
  readonly kind: 'prune-algo';
  /** In kebab-case. */
  readonly name: string;
  /** One line, for lists. */
  readonly doc: string;
  readonly options: T;
  /** Whether scores are effects with a sign: above 0 where the edge supports the answer. Without it: true. */
  readonly signed?: boolean;
  /** false: it takes no mask gradients, which need the most memory. Without it: true. */
  readonly gradients?: boolean;
  /**
   * true: scores are means over prompts, and each prompt's own go to `context.byPrompt`, which `ScoreAccumulator` sees to where
   * it is given the context. Without it: false, and the scores of single prompts cannot be kept.
   */
  readonly byPrompt?: boolean;
  /**
   * How many units of work there are, where scores are a sum over units that need nothing of each other: several processes
   * can then do a `share` each, and `parts` make the same scores, to the last bit. Without it a run is done by one process.
   */
  units?(work: DividedWork, options: OptionValues<T>): number;
  /**
   * Scores every edge. The same context gives the same scores, bit for bit, also after a checkpoint.
   * @throws AutoCircuitError where the model, the graph or the prompts do not fit the algorithm
   */
  score(context: PruneAlgoContext, options: OptionValues<T>): Promise<PruneResult>;
}

/** An algorithm whose options the compiler knows: `task.score` takes them by name and type. */
export interface PruneAlgoWith<T extends OptionTable> extends Omit<PruneAlgo, 'options'> {
  readonly options: T;
}

/** An algorithm as a contribution. `score` itself takes any values of options: the table checks them when they arrive. */
export const definePruneAlgo = <const T extends OptionTable>(algo: Omit<PruneAlgo<T>, 'kind'>): PruneAlgoWith<T> =>
  Object.freeze({ kind: 'prune-algo', ...algo }) as unknown as PruneAlgoWith<T>;
