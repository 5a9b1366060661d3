/** @file The tensors of a checkpoint under the names and in the layout that every architecture reads. */

/** A tensor that is read when it is needed. */
export interface CanonicalTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Whether it is a table that is computed from the config, and needs no file. Default false. */
  readonly computed?: boolean;
  /** Reads and computes the numbers on every call; the caller must not change them. */
  load(): Float32Array;
}

/** Tensors by name, in the order of the forward pass. */
export type CanonicalTensors = ReadonlyMap<string, CanonicalTensor>;

/** What the processing steps need to know of a model. */
export interface ModelSizes {
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly dHead: number;
  readonly dModel: number;
  readonly dMlp: number;
  readonly vocabulary: number;
  readonly positions: number;
  readonly norm: 'layerNorm' | 'rmsNorm';
  /** Whether a soft cap stands between unembedding and logits (then centring the unembedding changes them). */
  readonly logitSoftCap: boolean;
}
