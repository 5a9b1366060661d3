/** @file What prompts are: pairs of clean and corrupt inputs with answers, and batches of them. */
import type { Tensor } from '../tensor/tensor.js';

/** The two prompts of a pair. */
export type Side = 'clean' | 'corrupt';

/** What a prompt should and should not be answered at one position. */
export interface AnswerSides {
  /** Its prompt's place in the data set. */
  readonly index: number;
  /** Token ids (or output indices for toy models). */
  readonly answers: readonly number[];
  readonly wrongAnswers: readonly number[];
}

/** A prompt after tokenization. `clean` and `corrupt` have equal length; answers are those at the last position. */
export interface Prompt extends AnswerSides {
  readonly clean: readonly number[] | readonly (readonly number[])[];
  readonly corrupt: readonly number[] | readonly (readonly number[])[];
  /** Where outputs are read at several positions: the answers at each, in order. */
  readonly byPosition?: readonly AnswerSides[];
  /** What the outputs should be, `[positions read][outputs]`: what `mse` compares with. */
  readonly targets?: readonly (readonly number[])[];
  /** The number of the span that each token is in, ascending, where edges are those of spans. */
  readonly spans?: readonly number[];
  /** Tokens before `clean` and `corrupt` that both share, already run. */
  readonly prefix?: KeptPrefix;
}

/** Tokens that were run once, and the keys and values that they left, by program input: [groups, 1, 1, prefix, width]. */
export interface KeptPrefix {
  readonly tokens: readonly number[];
  readonly kept: Readonly<Record<string, Tensor<Float32Array>>>;
}

/** Prompts of one length that belong together: batch means, one optimiser step, … are defined on it. */
export interface PromptBatch {
  readonly prompts: readonly Prompt[];
  /** Tokens per prompt. */
  readonly length: number;
}

/**
 * The model's input for n prompts: int `[n, pos]` token ids, or float `[n, pos, features]` for toy models. `prompts`: where
 * they come after prefixes that were run before.
 */
export type ModelInput = Tensor & { readonly prompts?: readonly Prompt[] };
