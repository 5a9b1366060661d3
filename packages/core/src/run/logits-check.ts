/** @file Whether logits can be those of a model whose numbers fit in float32. */
import { AutoCircuitError } from '../errors/error.js';

/** Outputs of two prompts may be alike by chance, or because they are the same prompt. */
const FEWEST_ALIKE = 4;

/**
 * Looks at logits as they come. Squares that overflow in a norm make its output 0, so that every prompt has the same logits,
 * which are finite.
 */
export class LogitsCheck {
  readonly #where: string;
  #first: Float32Array | null = null;
  #rows = 0;
  #alike = true;

  /** @param where who asks, for the sentence */
  constructor(where: string) {
    this.#where = where;
  }

  /**
   * @param logits rows of `width` logits, one for each prompt
   * @param whose what they are called in the sentence
   * @throws AutoCircuitError `not-finite` for NaN and +∞; a token that a model never gives may have −∞
   */
  add(logits: Float32Array, width: number, whose = 'the model’s own outputs'): void {
    if (logits.some((x) => Number.isNaN(x) || x === Number.POSITIVE_INFINITY)) this.#refuse(`${whose} are no numbers`);
    for (let at = 0; at < logits.length; at += width, this.#rows++) {
      const row = logits.subarray(at, at + width);
      this.#first ??= row.slice();
      const first = this.#first;
      this.#alike &&= row.length === first.length && row.every((x, i) => x === first[i]);
    }
  }

  /** To be called after the last one. @throws AutoCircuitError `not-finite` where all of several prompts have the same logits */
  end(): void {
    if (this.#rows < FEWEST_ALIKE || !this.#alike) return;
    this.#refuse('the model gives the same outputs for every prompt, clean or corrupt');
  }

  #refuse(what: string): never {
    throw new AutoCircuitError({
      code: 'not-finite',
      where: this.#where,
      what,
      fix: 'check that the weights are whole and not too large for float32',
    });
  }
}
