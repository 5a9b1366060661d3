/** @file The noise of sampled masks: uniform numbers that depend on the seed, the step and the prompt alone. */
import { HARD_CONCRETE, type Prompt, seededRandom } from '@auto-circuit/core/plugin';

/** Fills `out` [edges, in the order of the score tensors] with numbers in (0, 1). */
export interface MaskNoise {
  /** One sample for a prompt of the batch, the `item`-th. */
  forward(step: number, prompt: Prompt, item: number, out: Float64Array): void;
  /** For mask dropout, one sample for a prompt of the batch. */
  dropout?(step: number, prompt: Prompt, item: number, out: Float64Array): void;
  /** The sample by which edges in the circuit are counted. */
  regularizer(step: number, out: Float64Array): void;
}

/** Uniform in (1e-4, 1 − 1e-4), by seed, purpose, step and the prompt's place in the data set. */
export function seededNoise(seed: number, purpose: string): MaskNoise {
  const { lowest } = HARD_CONCRETE;
  const fill = (stream: string, out: Float64Array): void => {
    const random = seededRandom(seed, `${purpose}/${stream}`);
    for (let i = 0; i < out.length; i++) out[i] = lowest + (1 - 2 * lowest) * random.uniform();
  };
  return {
    forward: (step, prompt, _item, out) => fill(`step ${step}/prompt ${prompt.index}`, out),
    dropout: (step, prompt, _item, out) => fill(`step ${step}/prompt ${prompt.index}/dropout`, out),
    regularizer: (step, out) => fill(`step ${step}/size`, out),
  };
}
