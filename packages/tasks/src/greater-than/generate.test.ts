/** @file Prompts of greater-than: answers above the year, and tokenizers that do not fit. */
import { type TextEncoder, tokenizePrompts } from '@auto-circuit/core';
import { describe, expect, it } from 'vitest';
import { wordEncoder } from '../testing/word-encoder.js';
import { generateGreaterThan } from './generate.js';

describe('generateGreaterThan', () => {
  const encoder = wordEncoder();
  const file = generateGreaterThan({ encoder, count: 200, seed: 1 });

  it('asks for a year after the first one, in the same century; corrupt begins in 01', () => {
    for (const { clean, corrupt, answers, wrongAnswers } of file.prompts) {
      const [, century, start, again] = /year (\d\d)(\d\d) and .* year (\d\d)$/.exec(String(clean))!;
      expect(again).toBe(century);
      expect(corrupt).toBe(String(clean).replace(`${century}${start}`, `${century}01`));
      expect(answers.every((year) => Number(year) > Number(start))).toBe(true);
      expect(wrongAnswers.every((year) => Number(year) <= Number(start))).toBe(true);
      expect([...wrongAnswers, ...answers]).toEqual(Array.from({ length: 100 }, (_, n) => `${n}`.padStart(2, '0')));
      expect(Number(century)).toBeGreaterThanOrEqual(11);
      expect(Number(century)).toBeLessThanOrEqual(17);
    }
  });

  it('knows where the halves of the first year are', () => {
    expect(file.wordIdxs).toEqual({ YY: 6, XX: 7, end: 13 });
    const tokens = encoder.encode(String(file.prompts[0]!.clean), { bos: false }).map((id) => encoder.decode([id]));
    expect(`${tokens[6]}${tokens[7]}`).toMatch(/^ \d{4}$/);
  });

  it('leaves out years that are cut otherwise', () => {
    const plain = wordEncoder();
    // As GPT-2 has 1500 and others as one token
    const whole = new Map([
      [' 1500', 900_000],
      [' 1650', 900_001],
      [' 1745', 900_002],
    ]);
    const merged = {
      ...plain,
      encode: (text: string, options: { readonly bos: boolean }) => {
        const parts = text.split(/( 1500| 1650| 1745)/);
        return parts.flatMap((part) => (whole.has(part) ? [whole.get(part)!] : plain.encode(part, options)));
      },
      decode: (ids: readonly number[]) =>
        ids.map((id) => [...whole].find(([, one]) => one === id)?.[0] ?? plain.decode([id])).join(''),
    };
    const { prompts } = generateGreaterThan({ encoder: merged, count: 2000, seed: 0 });
    const years = new Set(prompts.map(({ clean }) => /\d{4}/.exec(String(clean))![0]));
    expect(years.size).toBeGreaterThan(400);
    for (const year of ['1500', '1650', '1745']) expect(years.has(year)).toBe(false);
  });

  it('asks for the first digit where numbers are cut into digits', () => {
    const digits = cutting(1);
    const cut = generateGreaterThan({ encoder: digits, count: 300, seed: 0 });
    for (const { clean, corrupt, answers, wrongAnswers } of cut.prompts) {
      const [, century, decade] = /year (\d\d)(\d)\d and .* year \d\d$/.exec(String(clean))!;
      expect(corrupt).toContain(`${century}01 and`);
      expect(answers.every((digit) => digit > decade!) && wrongAnswers.every((digit) => digit < decade!)).toBe(true);
      expect([...wrongAnswers, decade, ...answers]).toEqual([...'0123456789']);
    }
    const { prompts, wordIdxs } = tokenizePrompts(cut, digits, { bos: false });
    for (const { clean } of prompts) {
      const text = (word: string): string => digits.decode([Number(clean[wordIdxs[word]!])]);
      expect(`${text('decade')}${text('unit')}`).toMatch(/^[1-8]\d$/);
      expect(text('end')).toBe(text('century'));
    }
  });

  it('refuses a tokenizer that cuts numbers otherwise, with what it does', () => {
    expect(() => generateGreaterThan({ encoder: cutting(3), count: 1, seed: 0 })).toThrow(
      'does not fit this tokenizer, which cuts numbers otherwise: expected',
    );
  });
});

/** A tokenizer that cuts numbers into pieces of so many digits. */
function cutting(digits: number): TextEncoder {
  const plain = wordEncoder();
  const piece = new RegExp(`(\\d{1,${digits}})`);
  const ids = new Map<string, number>();
  const idOf = (text: string): number => ids.get(text) ?? ids.set(text, 10_000 + ids.size).get(text)!;
  return {
    ...plain,
    encode: (text, options) =>
      text
        .split(piece)
        .flatMap((part) => (part === '' ? [] : /^\d/.test(part) ? [idOf(part)] : plain.encode(part, options))),
    decode: (list) => list.map((id) => [...ids].find(([, own]) => own === id)?.[0] ?? plain.decode([id])).join(''),
  };
}
