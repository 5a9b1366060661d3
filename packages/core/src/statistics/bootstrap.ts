/** @file Standard errors over prompts by the bootstrap: how much a number moves when other prompts had been drawn. */

import { AutoCircuitError } from '../errors/error.js';
import { seededRandom } from '../numeric/seeded-random.js';
import type { PromptValues } from '../plugin/metric.js';

/** Resamples: the error of a standard error made of them is about 1 / √(2 · 1000), two percent of it. */
export const BOOTSTRAP_RESAMPLES = 1000;

/** Σ values ÷ Σ weights; without weights the mean. */
export function ratioOfSums({ values, weights }: PromptValues): number {
  const sum = (list: readonly number[]): number => list.reduce((total, x) => total + x, 0);
  return sum(values) / (weights ? sum(weights) : values.length);
}

/**
 * The bootstrap over prompts (Efron 1979): the standard deviation of a number over resamples of the prompts, drawn with
 * replacement from the seed. All numbers of one run use the same resamples, so that points of a curve move together.
 */
export class PromptBootstrap {
  readonly #seed: number;
  /** By number of prompts: which prompt each draw is, [resamples · prompts]. */
  readonly #draws = new Map<number, Uint32Array>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  /**
   * Undefined for a single prompt, and where a prompt's value is not finite. `inf` where resamples have weights that sum to 0.
   * @throws AutoCircuitError when there is not a weight for each value
   */
  standardError(prompts: PromptValues): number | undefined {
    const { values, weights } = prompts;
    const n = values.length;
    if (weights && weights.length !== n) {
      throw new AutoCircuitError({
        code: 'internal',
        where: 'bootstrap',
        what: 'each prompt needs a value and a weight',
        expected: `${n} weights`,
        got: `${weights.length}`,
        kind: 'internal',
      });
    }
    if (n < 2 || ![...values, ...(weights ?? [])].every(Number.isFinite)) return undefined;
    const draws = this.#drawsOf(n);
    let sum = 0;
    let squares = 0;
    const centre = ratioOfSums(prompts); // taken out, so that squares lose no digits
    for (let r = 0; r < BOOTSTRAP_RESAMPLES; r++) {
      let above = 0;
      let below = 0;
      for (let i = r * n; i < (r + 1) * n; i++) {
        const prompt = draws[i]!;
        above += values[prompt]!;
        below += weights ? weights[prompt]! : 1;
      }
      const moved = above / below - centre;
      if (!Number.isFinite(moved)) return Number.POSITIVE_INFINITY;
      sum += moved;
      squares += moved * moved;
    }
    const variance = (squares - (sum * sum) / BOOTSTRAP_RESAMPLES) / (BOOTSTRAP_RESAMPLES - 1);
    return Math.sqrt(Math.max(0, variance));
  }

  #drawsOf(n: number): Uint32Array {
    const known = this.#draws.get(n);
    if (known) return known;
    const random = seededRandom(this.#seed, 'bootstrap');
    const draws = Uint32Array.from({ length: BOOTSTRAP_RESAMPLES * n }, () => random.below(n));
    this.#draws.set(n, draws);
    return draws;
  }
}
