/** @file Which texts are one token, for tokenizers that cut words otherwise than the task needs. */
import { AutoCircuitError, answerTokensAfter, type TextEncoder } from '@auto-circuit/core/plugin';

/** Tokens of a text inside a prompt: without BOS. */
export const tokensOf = (encoder: TextEncoder, text: string): readonly number[] => encoder.encode(text, { bos: false });

/** Whether tokens say this text, but for spaces and case: what a tokenizer does not know becomes something else. */
export const isSpelled = (tokens: string, text: string): boolean => bare(tokens) === bare(text);
const bare = (text: string): string => text.replaceAll(/\s/g, '').toLowerCase();

/** What words come after, where it does not matter what. */
const BEFORE = 'to';

/**
 * Whether a text is one token after another text, and a known one. Alone it may be another: SentencePiece puts `▁` before it.
 * @param before what it follows
 */
export function isSingleToken(encoder: TextEncoder, text: string, before = BEFORE): boolean {
  const ids = answerTokensAfter(encoder, { text: before, ids: tokensOf(encoder, before) }, text);
  return ids.length === 1 && isSpelled(encoder.decode(ids), text);
}

/** Whether a word with a space before it is one token. */
export const isOneToken = (encoder: TextEncoder, word: string): boolean => isSingleToken(encoder, ` ${word}`);

/**
 * The words that are one token each (with a space before them).
 * @param what what the error calls them: `names`
 * @throws AutoCircuitError when fewer than `least` are
 */
export function oneTokenWords(
  task: string,
  what: string,
  encoder: TextEncoder,
  words: readonly string[],
  least: number,
): readonly string[] {
  const fitting = words.filter((word) => isOneToken(encoder, word));
  if (fitting.length >= least) return fitting;
  throw new AutoCircuitError({
    code: 'unfit-tokenizer',
    fields: { task, what, found: fitting.length, needed: least },
    where: 'prompts',
    what: `task "${task}" does not fit this tokenizer: too few of its ${what} are one token`,
    expected: `at least ${least} of ${words.length}`,
    got: fitting.length === 0 ? 'none' : `${fitting.length} (${fitting.slice(0, 5).join(', ')})`,
    fix: 'use a model whose tokenizer has more whole words',
  });
}
