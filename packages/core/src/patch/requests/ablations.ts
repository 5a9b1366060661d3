/** @file Ablations: what is patched in, by name and as a description with its values. */

import type { RandomSource } from '../../numeric/seeded-random.js';
import type { Prompt, Side } from '../../prompts/types.js';
import type { Tensor } from '../../tensor/tensor.js';

/** The seven ablations of AutoCircuit, and optimal ablation, by name: what the patched-in values are. */
export const ABLATIONS = {
  resample: 'the same prompt on the other side',
  zero: 'zeros, whatever the prompts',
  'mean-clean': 'mean over the data set for each position, clean prompts',
  'mean-corrupt': 'mean over the data set for each position, corrupt prompts',
  'mean-both': 'mean over the data set for each position, clean and corrupt prompts',
  'batch-mean': 'mean over the batch for each position',
  'batch-position-mean': 'mean over the batch and all positions',
  optimal: 'a constant for each node, trained to change the output least',
} as const satisfies Readonly<Record<string, string>>;

/** The name of an ablation. */
export type AblationName = keyof typeof ABLATIONS;

/** What is patched in. `from` says whose values: default corrupt. A handle of `meanOf` serves the data-set means. */
export type PatchDescription =
  | { readonly kind: 'resample'; readonly from: Side }
  | { readonly kind: 'zero' }
  | { readonly kind: 'batch-mean'; readonly from: Side }
  | { readonly kind: 'batch-position-mean'; readonly from: Side }
  | MeanHandle
  | ConstantPatch
  | MadePatch
  | OtherPrompts;

/** What one source block writes instead is made from. */
export interface AblatedBlock {
  /** Where it writes: `L0.attn`, `start`, … */
  readonly site: string;
  /** Rows are its nodes; width is that before the output projection, for heads. */
  readonly shape: readonly [rows: number, prompts: number, pos: number, width: number];
  readonly prompts: readonly Prompt[];
  /** What it writes on the side that is run [rows, prompts, pos, width]; empty where `reads` leaves it out. */
  readonly clean: Float32Array;
  /** The same on the other side. */
  readonly corrupt: Float32Array;
  /** Random numbers for a prompt at this site, from the run's seed: the same however prompts are batched. */
  random(prompt: Prompt): RandomSource;
}

/** Values of your own, for each source block. */
export interface MadePatch {
  readonly kind: 'made';
  /** Its name in messages. */
  readonly name: string;
  /** Which sides are run to make them; one at least. Default: clean. */
  readonly reads?: readonly [Side, ...Side[]];
  /** Where random numbers start. Default 0. */
  readonly seed?: number;
  /** What the block writes instead, as many numbers as it writes and in their order. The same block gives the same. */
  values(block: AblatedBlock): ArrayLike<number>;
  /** Set by reversed runs: the corrupt prompts are run, so that both sides change places. */
  readonly swapped?: boolean;
}

/** What the model writes on other prompts of the same length. */
export interface OtherPrompts {
  readonly kind: 'prompts';
  /** Its name in messages. */
  readonly name: string;
  /** Where random numbers start. Default 0. */
  readonly seed?: number;
  /** The tokens (or features) to run in place of a prompt, as many as it has. The same prompt gives the same. */
  tokens(prompt: Prompt, random: RandomSource): Prompt['corrupt'];
  /** As in `MadePatch`. */
  readonly swapped?: boolean;
}

/** One vector for each source node, at every position: by the site that writes it, `[rows, width]` as the trace writes (before a projection). */
export interface ConstantPatch {
  readonly kind: 'constant';
  readonly values: Readonly<Record<string, Tensor<Float32Array>>>;
}

/** Mean source outputs over a data set, one value for each position; kept until disposed. */
export interface MeanHandle {
  readonly kind: 'mean';
  readonly of: Side | 'both';
  readonly length: number;
  dispose(): void;
}
