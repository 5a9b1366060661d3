/** @file Ablations: what is patched in, by name and as a description with its values. */

import type { Side } from '../../prompts/types.js';
import type { Tensor } from '../../tensor/tensor.js';

/** The seven ablations of AutoCircuit, and optimal ablation, by name: what the patched-in values are. */
export const ABLATIONS = {
  resample: 'the same prompt on the other side',
  zero: 'zeros',
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
  | ConstantPatch;

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
