/** @file Prompts of IOI: who gives and who receives, and word indices. */
import { describe, expect, it } from 'vitest';
import { errorWith } from '../testing/error-matcher.js';
import { wordEncoder } from '../testing/word-encoder.js';
import { generateIoi } from './generate.js';
import { IOI_FIXED_SENTENCE, IOI_SENTENCES, NAMES } from './words.js';

const encoder = wordEncoder();
const NAME_LIST: readonly string[] = NAMES;
const namesIn = (text: unknown): string[] =>
  (String(text).match(/[A-Z][a-z]+/g) ?? []).filter((word) => NAME_LIST.includes(word));

describe('the sentences of IOI', () => {
  it('are fifteen, and have each slot once, the giver after both people', () => {
    expect(new Set(IOI_SENTENCES).size).toBe(15);
    for (const sentence of [...IOI_SENTENCES, IOI_FIXED_SENTENCE]) {
      const slots = sentence.match(/\{\w+\}/g)!;
      expect(slots.toSorted()).toEqual(['{first}', '{giver}', '{object}', '{place}', '{second}']);
      const people = slots.filter((slot) => /first|second|giver/.test(slot));
      expect(people).toEqual(['{first}', '{second}', '{giver}']);
      expect(sentence.endsWith(' to')).toBe(true);
    }
  });
});

describe('generateIoi', () => {
  const { prompts } = generateIoi({ encoder, count: 400, seed: 3 });

  it('names the answer once and the giver twice; corrupt has three other people', () => {
    for (const { clean, corrupt, answers, wrongAnswers } of prompts) {
      const [answer, giver] = [String(answers[0]).trim(), String(wrongAnswers[0]).trim()];
      const [one, two, three] = namesIn(clean);
      expect(three).toBe(giver);
      expect(new Set([one, two])).toEqual(new Set([answer, giver]));
      const others = namesIn(corrupt);
      expect(new Set([...others, answer, giver]).size).toBe(5);
    }
  });

  it('changes nothing but the names', () => {
    const without = (text: unknown) => namesIn(text).reduce((left, name) => left.replaceAll(name, '*'), String(text));
    for (const { clean, corrupt } of prompts) expect(without(corrupt)).toBe(without(clean));
  });

  it('uses every sentence, in both orders', () => {
    const answerFirst = prompts.filter(({ clean, answers }) => namesIn(clean)[0] === String(answers[0]).trim());
    expect(answerFirst.length).toBeGreaterThan(150); // half of 400, within five standard deviations
    expect(answerFirst.length).toBeLessThan(250);
    const ends = new Set(prompts.map(({ clean }) => String(clean).split(' ')[0]));
    expect(ends).toEqual(new Set(IOI_SENTENCES.map((sentence) => sentence.split(' ')[0]!)));
  });

  it('keeps to the orders asked for', () => {
    const baba = generateIoi({ encoder, count: 20, seed: 0, orders: ['BABA'] });
    for (const { clean, wrongAnswers } of baba.prompts) expect(namesIn(clean)[0]).toBe(String(wrongAnswers[0]).trim());
  });

  it.each([
    ['ABBA', { IO: 1, S1: 3, 'S1+1': 4, S2: 8, end: 12 }],
    ['BABA', { IO: 3, S1: 1, 'S1+1': 2, S2: 8, end: 12 }],
  ] as const)('fixed %s prompts have every word where word_idxs says', (order, expected) => {
    const file = generateIoi({ encoder, count: 50, seed: 0, orders: [order], fixed: true });
    expect(file.wordIdxs).toEqual(expected); // When 0, then first, and, second, entered, the, place, the comma, giver …
    for (const { clean, answers, wrongAnswers } of file.prompts) {
      const tokens = encoder.encode(String(clean), { bos: false }).map((id) => encoder.decode([id]));
      expect([tokens[expected.IO], tokens[expected.S1], tokens[expected.S2]]).toEqual([
        ...[answers[0], wrongAnswers[0], wrongAnswers[0]],
      ]);
      expect(tokens[expected.end]).toBe(' to');
    }
  });

  it('refuses a tokenizer that cuts all names', () => {
    expect(() => generateIoi({ encoder: wordEncoder(NAMES), count: 1, seed: 0 })).toThrow(
      errorWith('unfit-tokenizer', { task: 'ioi', what: 'names', found: 0, needed: 6 }),
    );
  });
});
