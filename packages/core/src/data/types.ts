/** @file What prompts are: pairs of clean and corrupt inputs with answers, and batches of them. */
import type { Tensor } from '../ir/tensor.js';

export type Side = 'clean' | 'corrupt';

/** A prompt after tokenization. `clean` and `corrupt` have equal length. */
export interface Prompt {
  /** Its place in the data set: the order of all sums. */
  readonly index: number;
  readonly clean: readonly number[] | readonly (readonly number[])[];
  readonly corrupt: readonly number[] | readonly (readonly number[])[];
  /** Token ids (or output indices for toy models). */
  readonly answers: readonly number[];
  readonly wrongAnswers: readonly number[];
}

/** Prompts of one length that belong together (`--batch-size`): batch means, one optimiser step, … are defined on it. */
export interface PromptBatch {
  readonly prompts: readonly Prompt[];
  /** Tokens per prompt. */
  readonly length: number;
}

/** The model's input for n prompts: int `[n, pos]` token ids, or float `[n, pos, features]` for toy models. */
export type ModelInput = Tensor;
