/** @file Added tokens found in a text before anything else is done with it, as Hugging Face's Rust library does it. */
import { z } from 'zod';
import type { Piece } from './split-text.js';

/** Ids beyond this are a mistake, or meant to fill the memory: the largest published vocabulary has some hundred thousands. */
export const MOST_TOKENS = 2 ** 24;
/** A token's id. */
export const tokenId = z.number().int().nonnegative().lt(MOST_TOKENS);

/** An added token as tokenizer.json writes it. */
export const addedTokenSchema = z.looseObject({
  id: tokenId,
  content: z.string(),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  normalized: z.boolean().optional(),
  special: z.boolean().default(false),
});
/** A text that is one token wherever it stands. */
export type AddedToken = z.output<typeof addedTokenSchema>;

/** A piece of text, or a token that was found. */
export type TextOrToken = Piece | { readonly token: number };

const WORD = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]';
const ENDS_WITH_WORD = new RegExp(`${WORD}$`, 'u');
const BEGINS_WITH_WORD = new RegExp(`^${WORD}`, 'u');
const SPACES_AT_END = /\p{White_Space}*$/u;
const SPACES_AT_START = /^\p{White_Space}*/u;

/**
 * Finds tokens in pieces: from the left, the longest that begins there. `single_word` tokens count only where no word goes on
 * around them; `lstrip` and `rstrip` tokens take the spaces beside them.
 * @param contents what each token looks like in these texts: its own, or its normalized text
 */
export function tokenFinder(contents: ReadonlyMap<string, AddedToken>): (piece: Piece) => TextOrToken[] {
  const names = [...contents.keys()].filter((name) => name !== '').sort((a, b) => b.length - a.length);
  if (names.length === 0) return (piece) => [piece];
  const pattern = new RegExp(names.map((name) => name.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')).join('|'), 'gu');
  return ({ text, first }) => {
    const found: TextOrToken[] = [];
    let end = 0;
    const textUntil = (stop: number): void => {
      if (stop > end) found.push({ text: text.slice(end, stop), first: first && end === 0 });
    };
    for (const match of text.matchAll(pattern)) {
      const token = contents.get(match[0])!;
      const after = match.index + match[0].length;
      const isInWord = ENDS_WITH_WORD.test(text.slice(0, match.index)) || BEGINS_WITH_WORD.test(text.slice(after));
      if (token.single_word && isInWord) continue;
      const spacesBefore = token.lstrip ? SPACES_AT_END.exec(text.slice(0, match.index))![0].length : 0;
      const spacesAfter = token.rstrip ? SPACES_AT_START.exec(text.slice(after))![0].length : 0;
      textUntil(Math.max(match.index - spacesBefore, end));
      found.push({ token: token.id });
      end = after + spacesAfter;
    }
    textUntil(text.length);
    return found;
  };
}
