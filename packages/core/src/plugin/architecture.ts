/** @file What an architecture is: a family of models, and how to read their checkpoints. */
import type { ModelObject } from '../model/model.js';
import type { Explained } from './explained.js';

/** A model family: how to read a checkpoint and make a `ModelObject` of it. */
export interface Architecture extends Explained {
  readonly kind: 'architecture';
  /** In kebab-case. */
  readonly name: string;
  /** One line, for lists. */
  readonly doc: string;
  /** `model_type` values of config.json that it reads. */
  readonly modelTypes: readonly string[];
  /**
   * Reads a checkpoint.
   * @throws AutoCircuitError where a file or a tensor is missing or does not fit the config
   */
  load(request: ArchitectureRequest): Promise<ModelObject>;
}
/** Which model to read, and how. */
export interface ArchitectureRequest {
  /** The model's name, for lists and errors. */
  readonly name: string;
  /** A Hugging Face folder. */
  readonly folder: string;
  /** `all`: weights are folded and centred, as TransformerLens does by default; `none`: they stay as they are. */
  readonly process: 'all' | 'none';
  /** How many positions tables that are computed (rotary ones) need, at most. Default: the architecture's choice. */
  readonly positions?: number;
  /** Whether matrices of 16 bits that nothing changes stay so, to be widened where they are used. Default: the architecture's choice. */
  readonly keepHalves?: boolean;
  /** Told of what is likely not what the caller wants, in one sentence. */
  readonly onWarning: (line: string) => void;
  /** Told of weights converted, of all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** An architecture as a contribution. */
export const defineArchitecture = (architecture: Omit<Architecture, 'kind'>): Architecture =>
  Object.freeze({ kind: 'architecture', ...architecture });
