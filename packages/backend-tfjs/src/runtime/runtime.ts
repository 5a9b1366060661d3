/** @file A started runtime of tfjs, as the ops and the sessions see it. */
import type { RuntimeTraits, TfjsDevice } from './devices.js';
import type { Tf } from './tf.js';
import type { TransposedWeightCache } from './transposed-weight-cache.js';
import type { WasmHeap } from './wasm-heap.js';

/** One device of tfjs, started. */
export interface Runtime {
  readonly tf: Tf;
  readonly device: TfjsDevice;
  readonly traits: RuntimeTraits;
  readonly threads: number;
  /** One line: package and version. */
  readonly version: string;
  readonly transposedWeights: TransposedWeightCache;
  /** Where the runtime does not look after its memory itself: its heap, watched. */
  readonly heap?: WasmHeap;
  /** Runs kernels without a pause. @throws Error where the runtime complains on the console instead of throwing */
  attended<T>(run: () => T): T;
  /** Makes this runtime the one that computes what is asked for next, until control is given up. */
  activate(): void;
}
