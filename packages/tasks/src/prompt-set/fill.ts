/** @file Sentences with slots: `The {animal} eats`, filled with words, with the place where each word ends. */
import { AutoCircuitError } from '@auto-circuit/core/plugin';

export interface FilledText {
  readonly text: string;
  /** Offset in characters behind each slot's word. */
  readonly ends: Readonly<Record<string, number>>;
}

/**
 * Puts words into the slots of a sentence; each slot stands in it once.
 * @throws AutoCircuitError for a slot without a word
 */
export function fill(sentence: string, words: Readonly<Record<string, string>>): FilledText {
  const ends: Record<string, number> = {};
  let text = '';
  for (const [i, part] of sentence.split(/\{([^}]+)\}/).entries()) {
    if (i % 2 === 0) {
      text += part;
      continue;
    }
    const word = words[part];
    if (word === undefined) {
      throw new AutoCircuitError({
        code: 'missing-option',
        fields: { option: part },
        where: 'prompts',
        what: `slot {${part}} of "${sentence}" has no word`,
      });
    }
    text += word;
    ends[part] = text.length;
  }
  return Object.freeze({ text, ends: Object.freeze(ends) });
}
