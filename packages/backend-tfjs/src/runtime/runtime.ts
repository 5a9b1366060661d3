/** @file A started runtime of tfjs, as the ops and the sessions see it. */
import type { RuntimeTraits, TfjsDevice } from './devices.js';
import type { Tf } from './tf.js';
import type { TransposedWeightCache } from './transposed-weight-cache.js';

/** One device of tfjs, started. */
export interface Runtime {
  readonly tf: Tf;
  readonly device: TfjsDevice;
  readonly traits: RuntimeTraits;
  readonly threads: number;
  /** One line: package and version. */
  readonly version: string;
  readonly transposedWeights: TransposedWeightCache;
  /** Makes this runtime the one that computes what is asked for next, until control is given up. */
  activate(): void;
}
