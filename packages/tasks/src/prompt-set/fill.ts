/** @file Sentences with slots: `The {animal} eats`, filled with words, with the place where each word ends. */
import { AutoCircuitError } from '@auto-circuit/core/plugin';

/** A sentence with its slots filled. */
export interface FilledText {
  readonly text: string;
  /** The offset in characters at which each slot's word ends. */
  readonly ends: Readonly<Record<string, number>>;
}

/**
 * Puts words into the slots of a sentence; each slot stands in it once.
 * @throws AutoCircuitError for a slot without a word
 */
export function fill(sentence: string, words: Readonly<Record<string, string>>): FilledText {
  const ends: Record<string, number> = {};
  let text = '';
  for (const [i, piece] of sentence.split(/\{([^}]+)\}/).entries()) {
    if (i % 2 === 0) {
      text += piece;
      continue;
    }
    const word = words[piece];
    if (word === undefined) {
      throw new AutoCircuitError({
        code: 'invalid-prompt',
        fields: { prompt: sentence, slot: piece },
        where: 'prompts',
        what: `slot {${piece}} of "${sentence}" has no word`,
        fix: 'give the slot a word',
      });
    }
    text += word;
    ends[piece] = text.length;
  }
  return Object.freeze({ text, ends: Object.freeze(ends) });
}

/** Words by slot. */
type Words = Readonly<Record<string, string>>;

/**
 * The clean and the corrupt prompt of one sentence.
 * @param shared words that both have
 * @param clean words of the clean prompt only; `corrupt` those of the corrupt one
 * @throws AutoCircuitError for a slot without a word
 */
export const filledPair = (
  sentence: string,
  shared: Words,
  clean: Words,
  corrupt: Words,
): { readonly clean: FilledText; readonly corrupt: FilledText } => ({
  clean: fill(sentence, { ...shared, ...clean }),
  corrupt: fill(sentence, { ...shared, ...corrupt }),
});
