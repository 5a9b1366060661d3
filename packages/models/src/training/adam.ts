/** @file Adam with decoupled weight decay (Kingma and Ba 2015; Loshchilov and Hutter 2019), on the host, and its learning rate. */
import type { MemoryWeight } from '@auto-circuit/core/backend';
import { isMatrix, type Weights } from './weights.js';

/** Settings of the optimizer. */
export interface AdamSettings {
  /** Share of each matrix taken away in a step, times the learning rate. */
  readonly weightDecay: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Gradients are scaled down so that the norm over all of them is at most this. */
  readonly clipNorm: number;
}
/** The settings that the shipped models were trained with. */
export const ADAM_DEFAULTS: AdamSettings = Object.freeze({
  weightDecay: 0.5,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  clipNorm: 1,
});

/** Weights, updated in place, with Adam's two moments in float64. */
export class Adam {
  readonly #weights: Weights;
  readonly #settings: AdamSettings;
  readonly #moments: ReadonlyMap<string, { readonly first: Float64Array; readonly second: Float64Array }>;
  #steps = 0;

  constructor(weights: Weights, settings: AdamSettings = ADAM_DEFAULTS) {
    this.#weights = weights;
    this.#settings = settings;
    this.#moments = new Map(
      Object.entries(weights).map(([name, { data }]) => [
        name,
        { first: new Float64Array(data.length), second: new Float64Array(data.length) },
      ]),
    );
  }

  /** One step along `gradientOf(name)`, an array as long as the weight; gives the norm of all gradients before clipping. */
  step(learningRate: number, gradientOf: (name: string) => ArrayLike<number>): number {
    this.#steps++;
    const gradients = Object.keys(this.#weights).map((name) => [name, gradientOf(name)] as const);
    const norm = Math.sqrt(gradients.reduce((total, [, g]) => total + sumOfSquares(g), 0));
    const scale = Math.min(1, this.#settings.clipNorm / norm);
    for (const [name, g] of gradients) this.#update(name, this.#weights[name]!, g, scale, learningRate);
    return norm;
  }

  #update(name: string, { data }: MemoryWeight, g: ArrayLike<number>, scale: number, learningRate: number): void {
    const { beta1, beta2, epsilon, weightDecay } = this.#settings;
    const { first, second } = this.#moments.get(name)!;
    const correct1 = 1 - beta1 ** this.#steps;
    const correct2 = 1 - beta2 ** this.#steps;
    const decay = isMatrix(name) ? 1 - learningRate * weightDecay : 1;
    for (let i = 0; i < data.length; i++) {
      const slope = g[i]! * scale;
      first[i] = beta1 * first[i]! + (1 - beta1) * slope;
      second[i] = beta2 * second[i]! + (1 - beta2) * slope * slope;
      data[i] =
        data[i]! * decay - (learningRate * (first[i]! / correct1)) / (Math.sqrt(second[i]! / correct2) + epsilon);
    }
  }
}

function sumOfSquares(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]! * values[i]!;
  return total;
}

/** Up in a straight line for `warmUp` steps, then down in half a cosine to a twentieth of the peak. */
export function learningRateAt(
  step: number,
  { peak, warmUp, steps }: { peak: number; warmUp: number; steps: number },
): number {
  if (step < warmUp) return (peak * (step + 1)) / warmUp;
  const share = (step - warmUp) / Math.max(1, steps - warmUp);
  return peak * (0.05 + 0.95 * 0.5 * (1 + Math.cos(Math.PI * share)));
}
