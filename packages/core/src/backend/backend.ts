/**
 * @file What a backend is: it compiles programs and runs them. Shared code never asks which backend it has.
 *
 * @example
 * const executable = await backend.compile(program, weights);
 * const { logits } = await executable.run({ tokens });
 * await executable.dispose();
 */

import type { Program } from '../ir/program/program.js';
import type { Tensor } from '../tensor/tensor.js';

/** How numbers of 16 bits lie in a file. */
export type HalfDType = 'float16' | 'bfloat16';

/** Where the numbers of one weight lie: in memory, or in a file that can be mapped. */
export type WeightEntry =
  | { readonly shape: readonly number[]; readonly data: Float32Array }
  | {
      readonly shape: readonly number[];
      readonly file: string;
      readonly byteOffset: number;
      /** How they lie there, to be widened where they are used; default float32. */
      readonly dtype?: HalfDType;
    };

/** Weights by name, float32 to programs, row-major. A program asks for names; a store may hold more. */
export interface WeightStore {
  /** Identifies the numbers: equal keys, equal weights. */
  readonly key: string;
  readonly names: readonly string[];
  /** Throws for an unknown name. */
  entry(name: string): WeightEntry;
  /** The numbers themselves (read from the file if need be, and widened). */
  read(name: string): Float32Array;
  /**
   * Throws when a file that entries point at is no longer what it was: called after every run, since runtimes map it. Stores in
   * memory have none.
   */
  check?(): void;
}

/** Tensors by input name. */
export type Feeds = Readonly<Record<string, Tensor>>;
/** Tensors by output name; their data are the caller's to keep. */
export type Results = Readonly<Record<string, Tensor>>;

/** A compiled program. Runs may be asked for while others are going on. */
export interface Executable {
  /** Runs once. Feeds by input name; results by output name. Rejects on a missing, extra or mis-shaped feed. */
  run(feeds: Feeds): Promise<Results>;
  dispose(): Promise<void>;
}

/** What a backend runs on. */
export interface BackendInfo {
  readonly backend: string;
  readonly device: string;
  readonly threads: number;
  /** One line for the header: runtime and version. */
  readonly runtime: string;
  /** Whether axes may have size 0 (those whose symbols have the prefix `SELECTED`). Default false. */
  readonly emptyAxes?: boolean;
  /** How it uses memory, where otherwise than onnxruntime on a CPU. */
  readonly memory?: BackendMemory;
}

/** How a backend uses memory: what decides how many prompts one run may take. */
export interface BackendMemory {
  /** The most bytes that weights, their copies and activations may take together; undefined where only memory itself ends. */
  readonly mostBytes?: number;
  /** Every program holds copies of the matrices that its products have on their right. */
  readonly copiesWeights: boolean;
  /** Programs share one copy of the weights. */
  readonly sharesWeights: boolean;
}

/** What the caller knows about the use of a program. */
export interface CompileHint {
  /** false: there will be few runs, and it does not pay to prepare weights for speed. Default true. */
  readonly repeated?: boolean;
  /** Most bytes that copies of weights, laid out for the kernels, may take. Default: the backend's own rule. */
  readonly prepackBytes?: number;
}

/** Compiles programs. `dispose` also disposes of all executables that are left. */
export interface Backend {
  readonly info: BackendInfo;
  /** How many runs it computes at the same time; undefined is one. Results do not depend on it. */
  readonly parallel?: number;
  compile(program: Program, weights: WeightStore, hint?: CompileHint): Promise<Executable>;
  /** Peak resident memory of the processes that it runs in beside this one, in bytes; absent where there are none. */
  processMemory?(): Promise<number>;
  dispose(): Promise<void>;
}

/** What every backend can be asked for; a backend's own options come on top. */
export interface BackendSettings {
  readonly device?: string;
  readonly threads?: number;
  /** The most resident memory wanted, in bytes. */
  readonly memoryBytes?: number;
  /** Other processes run programs with the same weights: large weights are mapped, never copied. */
  readonly sharedWeights?: boolean;
}
