/** @file The Adam optimiser (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980), in float64. */

const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPSILON = 1e-8;

/** What Adam remembers of the gradients of one list of parameters. */
export interface AdamState {
  /** Steps taken. */
  steps: number;
  /** Running means of the gradient and of its square: [parameters] each. */
  readonly mean: Float64Array;
  readonly square: Float64Array;
}

/** The state before the first step, for so many parameters. */
export const adamState = (size: number): AdamState => ({
  steps: 0,
  mean: new Float64Array(size),
  square: new Float64Array(size),
});

/**
 * Moves the parameters one step down the gradient, in place: p ← p − rate · m̂ / (√v̂ + 1e-8), where m̂ and v̂ are the running
 * means (β₁ 0.9, β₂ 0.999) without their bias towards 0.
 * @param parameters [parameters], and `gradient` as long
 */
export function adamStep(
  state: AdamState,
  parameters: Float64Array,
  gradient: Float64Array,
  learningRate: number,
): void {
  state.steps++;
  const meanScale = 1 / (1 - BETA_1 ** state.steps);
  const squareScale = 1 / (1 - BETA_2 ** state.steps);
  for (const [i, g] of gradient.entries()) {
    state.mean[i] = BETA_1 * state.mean[i]! + (1 - BETA_1) * g;
    state.square[i] = BETA_2 * state.square[i]! + (1 - BETA_2) * g * g;
    const rate = learningRate / (Math.sqrt(state.square[i]! * squareScale) + EPSILON);
    parameters[i]! -= rate * state.mean[i]! * meanScale;
  }
}
