import type { ProgramBuilder } from '../ir/builder/builder.js';
import type { AnyValue } from '../ir/program/program.js';
import type { Prompt, PromptBatch } from '../prompts/types.js';
import type { FloatArray, Tensor } from '../tensor/tensor.js';

/** @file What gradients are taken of and masks are trained on: one scalar for each prompt. */

/**
 * The scalar whose gradient is taken, one for each prompt: M = −Σ_t weight_t · f(logits)[token_t], so that a positive
 * score means that patching the edge hurts the answer. `logitExp` is exp(z) over a constant copy of Σ exp(z).
 */
export type Objective =
  | {
      readonly kind: 'answers';
      readonly tokenFunction: 'logit' | 'prob' | 'logprob' | 'logitExp';
      /** diff: mean of answers − mean of wrong answers; value: mean of answers. */
      readonly value: 'diff' | 'value';
    }
  /** Mean squared difference between f(logits) and `targets` [prompts, positions?, vocab], default the prompts' own; mean over vocab and positions. */
  | {
      readonly kind: 'mse';
      readonly tokenFunction: 'logit' | 'prob' | 'logprob' | 'logitExp';
      readonly targets?: Tensor<Float32Array>;
    }
  /** KL(reference ‖ run) over the vocabulary; `referenceLogits` [prompts, positions?, vocab], default the clean run's. */
  | { readonly kind: 'kl'; readonly referenceLogits?: Tensor<Float32Array> }
  | FragmentObjective
  | HostObjective;

/** A loss as a part of the program: every backend computes it, and its gradient follows. */
export interface FragmentObjective {
  readonly kind: 'fragment';
  /** Its name in messages. */
  readonly name: string;
  readonly of: LossFragment;
  /** What `reference` is [prompts, positions?, vocab]; default the clean run's logits. */
  readonly referenceLogits?: Tensor<Float32Array>;
}

/**
 * Appends the loss of each prompt to a program; higher is worse for the answer. The same arguments give the same operations.
 * @param logits [batch, outputs], or [batch, positions, outputs] where several positions are read
 * @param reference logits of the clean run, shaped like `logits`; a constant
 * @param batch what is known of the prompts
 * @returns float [batch], or [batch, positions], of which the mean is taken
 */
export type LossFragment = (
  builder: ProgramBuilder,
  logits: AnyValue,
  reference: AnyValue,
  batch: ObjectiveBatch,
) => AnyValue;

/** What a loss can know of the prompts: values that are fed, each made when it is asked for. */
export interface ObjectiveBatch {
  /** 1/n at each of the n answers of a prompt, 0 elsewhere: float, shaped like the logits. */
  readonly answers: AnyValue;
  /** The same of the wrong answers. */
  readonly wrongAnswers: AnyValue;
  /** The prompts' own targets: float, shaped like the logits. */
  readonly targets: AnyValue;
  /** 1 at each output (token id) that `of` names for a prompt, at every position, 0 elsewhere: float, shaped like the logits. */
  tokens(of: (prompt: Prompt) => readonly number[]): AnyValue;
  /** A number of your own for each prompt: float [batch]. */
  number(of: (prompt: Prompt) => number): AnyValue;
}

/** A loss on the host, with its gradient: the model runs twice, and what it does to the logits is fed back. */
export interface HostObjective {
  readonly kind: 'host';
  /** Its name in messages. */
  readonly name: string;
  /** The loss of each prompt [prompts], from logits [prompts, positions?, vocab]. */
  value(logits: Tensor<FloatArray>, batch: PromptBatch): ArrayLike<number>;
  /** ∂(its prompt's loss)/∂logits, as many numbers as there are logits and in their order. */
  gradient(logits: Tensor<FloatArray>, batch: PromptBatch): ArrayLike<number>;
}

/** Whether a plugin wrote it, so that algorithms which fix an objective of their own take this one instead. */
export const isPluginObjective = ({ kind }: Objective): boolean => kind === 'fragment' || kind === 'host';

/** An objective on the answers of each prompt. */
export type AnswersObjective = Extract<Objective, { kind: 'answers' }>;

/** Squared distance to targets. */
export type MseObjective = Extract<Objective, { kind: 'mse' }>;

/** KL divergence from reference outputs. */
export type KlObjective = Extract<Objective, { kind: 'kl' }>;
