import type { Tensor } from '../tensor/tensor.js';

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
  | { readonly kind: 'kl'; readonly referenceLogits?: Tensor<Float32Array> };

/** An objective on the answers of each prompt. */
export type AnswersObjective = Extract<Objective, { kind: 'answers' }>;

/** Squared distance to targets. */
export type MseObjective = Extract<Objective, { kind: 'mse' }>;

/** KL divergence from reference outputs. */
export type KlObjective = Extract<Objective, { kind: 'kl' }>;
