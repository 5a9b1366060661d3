/** @file What stands at each token position, for drawings: the file's own label, a word that is always there, or the token. */
import type { Prompt, TextEncoder } from '@auto-circuit/core';
import type { TokenizedPrompts } from '@auto-circuit/core/run';

type Decoder = Pick<TextEncoder, 'decode'> | null;

/**
 * A label for each position; empty where prompts differ and the file names nothing.
 * @param length tokens of every prompt
 */
export function positionLabels(
  length: number,
  { prompts, seqLabels, wordIdxs }: Pick<TokenizedPrompts, 'prompts' | 'seqLabels' | 'wordIdxs'>,
  tokenizer: Decoder,
): string[] {
  return Array.from({ length }, (_, position) => {
    const words = Object.keys(wordIdxs).filter((word) => wordIdxs[word] === position);
    const label = seqLabels?.[position] ?? words.join(', ');
    return label === '' ? sameToken(prompts, position, tokenizer) : label;
  });
}

/** The token that stands there in every clean prompt, or nothing. */
function sameToken(prompts: readonly Prompt[], position: number, tokenizer: Decoder): string {
  const [first] = prompts;
  const token = first?.clean[position];
  if (tokenizer === null || typeof token !== 'number') return '';
  return prompts.every(({ clean }) => clean[position] === token) ? tokenizer.decode([token]).trim() : '';
}
