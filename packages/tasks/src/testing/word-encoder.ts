/** @file A small tokenizer for tests: whole words with the space before them, numbers in pairs of digits, rare words cut in two. */
import type { TextEncoder } from '@auto-circuit/core/plugin';

/**
 * Tokens are a word (with a space before it), two digits, one digit, or one other character. Ids are given in order of first use.
 * @param cut words that are two tokens: the first letter and the rest
 */
export function wordEncoder(cut: readonly string[] = []): TextEncoder {
  const rare = new Set(cut);
  const ids = new Map<string, number>([['<bos>', 0]]);
  const texts = ['<bos>'];
  const idOf = (token: string): number => {
    const known = ids.get(token);
    if (known !== undefined) return known;
    ids.set(token, texts.length);
    return texts.push(token) - 1;
  };
  const pieces = (text: string): string[] =>
    (text.match(/ ?[A-Za-z]+| ?\d\d?|[\s\S]/g) ?? []).flatMap((token) => {
      const space = token.startsWith(' ') ? 1 : 0;
      return rare.has(token.slice(space)) ? [token.slice(0, space + 1), token.slice(space + 1)] : [token];
    });
  return {
    bosId: 0,
    encode: (text, { bos }) => [...(bos ? [0] : []), ...pieces(text).map(idOf)],
    decode: (list) => list.map((id) => texts[id]!).join(''),
  };
}
