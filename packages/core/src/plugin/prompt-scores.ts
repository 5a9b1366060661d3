/** @file Scores of single prompts on their way from an algorithm to whoever keeps them, and as they are read again. */
import type { Graph } from '../graph/types.js';
import type { FloatArray, Tensor } from '../tensor/tensor.js';

/** Scores of prompts by destination module: `[prompts, position?, head?, sources]`. */
export type PromptScoreTensors = Readonly<Record<string, Tensor<FloatArray>>>;

/** How numbers of single prompts are kept: 4 bytes each, or 2 with 11 significant bits and at most 65,504. */
export const PROMPT_SCORE_DTYPES = ['float32', 'float16'] as const;
/** How numbers of single prompts are kept. */
export type PromptScoreDType = (typeof PROMPT_SCORE_DTYPES)[number];

/** Keeps each prompt's scores. `ScoreAccumulator` hands them over; an algorithm that adds them up by itself calls it. */
export interface PromptScoreSink {
  /**
   * Takes the scores of some prompts, whose mean over all prompts is the result. Work that was stopped and taken up again may
   * give the same prompts a second time.
   * @param first how many prompts come before these, in the order of the context's batches
   */
  keep(first: number, tensors: PromptScoreTensors): void;
}

/** Scores of every prompt, a few at a time: in memory, or in a file. */
export interface PromptScoreTable {
  readonly graph: Graph;
  /** How many there are. */
  readonly prompts: number;
  /** Those of the prompts [start, stop), in the order of the training batches. */
  read(start: number, stop: number): { readonly tensors: PromptScoreTensors };
}
