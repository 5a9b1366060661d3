/** @file Which prompts a run uses: one length, the first so many, a train and a test part, in batches. */
import { AutoCircuitError } from '../errors/error.js';
import type { Graph } from '../graph/types.js';
import {
  batchesOf,
  checkLimit,
  promptLength,
  promptsOfLength,
  requireOneLength,
  splitTrainTest,
} from '../prompts/prompts.js';
import type { Prompt, PromptBatch } from '../prompts/types.js';
import { type Ablating, ablationChosen } from './ablations.js';

/** Which prompts of a data set are used. */
export interface PromptChoice {
  /** Only prompts of this many tokens; null: all. */
  readonly length: number | null;
  /** The first so many of those; null: all. */
  readonly limit: number | null;
}
/** Which prompts are used, and how they are divided and batched. */
export interface RunPromptSettings extends PromptChoice {
  readonly train: number | null;
  readonly test: number | 'same' | null;
  readonly batchSize: number;
  readonly seed: number;
}
/** The prompts of a run, in batches. */
export interface RunPrompts {
  /** Scores and data-set means are taken on these. */
  readonly train: readonly PromptBatch[];
  /** Circuits are measured on these. */
  readonly test: readonly PromptBatch[];
  readonly counts: {
    readonly train: number;
    readonly test: number;
    readonly lengths: Readonly<Record<string, number>>;
  };
}

/** The prompts of one length, and no more than the limit. @throws AutoCircuitError when none are left */
export function choosePrompts(prompts: readonly Prompt[], { length, limit }: PromptChoice): readonly Prompt[] {
  const fitting = length === null ? prompts : promptsOfLength(prompts, length);
  checkLimit(limit);
  const chosen = limit === null ? fitting : fitting.slice(0, limit);
  if (chosen.length > 0) return chosen;
  throw new AutoCircuitError({
    code: 'no-prompts',
    where: 'prompts',
    what: 'there are no prompts',
    fix: 'give a data set with prompts',
  });
}

/**
 * The prompts of a run: chosen, divided by the seed, in batches.
 * @throws AutoCircuitError when a part would be empty or too large, or lengths differ where one is needed
 */
export function promptsOfRun(
  prompts: readonly Prompt[],
  graph: Graph,
  ablation: Ablating,
  settings: RunPromptSettings,
): RunPrompts {
  const chosen = choosePrompts(prompts, settings);
  const ofSpans = chosen.every(({ spans }) => spans !== undefined);
  if (graph.options.positions !== null && !ofSpans) requireOneLength(chosen, 'edges for each token position');
  const { oneLength, text } = ablationChosen(ablation);
  if (oneLength) requireOneLength(chosen, `data-set means (ablation ${text})`);
  const { train, test } = splitTrainTest(chosen, {
    seed: settings.seed,
    ...(settings.train === null ? {} : { train: settings.train }),
    ...(settings.test === null ? {} : { test: settings.test }),
  });
  const lengths: Record<string, number> = {};
  for (const prompt of chosen) lengths[promptLength(prompt)] = (lengths[promptLength(prompt)] ?? 0) + 1;
  const trainBatches = batchesOf(train, settings.batchSize);
  return {
    train: trainBatches,
    // The same batches where the prompts are the same, so that what the engine has stored of them is used again.
    test: test === train ? trainBatches : batchesOf(test, settings.batchSize),
    counts: { train: train.length, test: test.length, lengths },
  };
}
