import type { TextEncoder } from '@auto-circuit/core/plugin';
import { describe, expect, it } from 'vitest';
import { wordEncoder } from '../testing/word-encoder.js';
import { generateArithmetic } from './generate.js';

/** Every digit is a token, and so is the space before it, as in Llama's and Gemma's tokenizers. */
function digitEncoder(): TextEncoder {
  const ids = new Map<string, number>();
  const texts: string[] = [];
  const idOf = (piece: string): number => {
    const known = ids.get(piece);
    if (known !== undefined) return known;
    ids.set(piece, texts.length);
    return texts.push(piece) - 1;
  };
  return {
    bosId: null,
    encode: (text) => (text.match(/ ?[A-Za-z]+|[\s\S]/g) ?? []).map(idOf),
    decode: (list) => list.map((id) => texts[id]!).join(''),
  };
}

describe.each(['addition', 'subtraction'] as const)('arithmetic: %s', (kind) => {
  const right = (text: unknown): number => {
    const [a, b] = String(text).match(/\d+/g)!.map(Number);
    return kind === 'addition' ? a! + b! : a! - b!;
  };

  it('asks for numbers of two digits where they are one token', () => {
    for (const { clean, corrupt, answers, wrongAnswers } of generateArithmetic(kind)({
      encoder: wordEncoder(),
      count: 40,
      seed: 1,
    }).prompts) {
      expect(answers).toEqual([` ${right(clean)}`]);
      expect(wrongAnswers).toEqual([` ${right(corrupt)}`]);
      expect(answers).not.toEqual(wrongAnswers);
      expect(`${right(clean)}`).toHaveLength(2);
      expect(clean).toMatch(/ is$/);
    }
  });

  it('asks for digits, after a space, where tokens are digits', () => {
    for (const { clean, answers } of generateArithmetic(kind)({ encoder: digitEncoder(), count: 20, seed: 1 })
      .prompts) {
      expect(answers).toEqual([`${right(clean)}`]);
      expect(answers[0]).toMatch(/^[1-9]$/);
      expect(clean).toMatch(/ is $/);
    }
  });
});
