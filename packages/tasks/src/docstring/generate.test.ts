/** @file Prompts of docstring: the order of arguments, and word indices. */
import { describe, expect, it } from 'vitest';
import { wordEncoder } from '../testing/word-encoder.js';
import { generateDocstring } from './generate.js';

const FORM =
  /^def \w+\(self, (\w+), (\w+), (\w+), (\w+), (\w+), (\w+)\):\n {4}"""\w+ \w+ \w+\n\n {4}:param (\w+): \w+ \w+\n {4}:param (\w+): \w+ \w+\n {4}:param$/;

describe('generateDocstring', () => {
  const encoder = wordEncoder();
  const file = generateDocstring({ encoder, count: 100, seed: 2 });
  const partsOf = (text: unknown): string[] => FORM.exec(String(text))!.slice(1);

  it('describes the third and fourth argument, asks for the fifth, and has the others as wrong answers', () => {
    for (const { clean, answers, wrongAnswers } of file.prompts) {
      const [one, two, A, B, C, last, first, second] = partsOf(clean);
      expect([first, second]).toEqual([A, B]);
      expect(answers).toEqual([` ${C}`]);
      expect(wrongAnswers).toEqual([one, two, last].map((name) => ` ${name}`));
    }
  });

  it('corrupt: other names for A, B, C, and yet others described', () => {
    for (const { clean, corrupt } of file.prompts) {
      const [before, after] = [partsOf(clean), partsOf(corrupt)];
      for (const shared of [0, 1, 5]) expect(after[shared]).toBe(before[shared]);
      expect(new Set([...before, ...after]).size).toBe(11); // 3 shared, A B C, and five in corrupt
    }
  });

  it('knows where the words are', () => {
    const names = Object.entries(file.wordIdxs);
    expect(names.map(([name]) => name)).toEqual(['A_def', 'B_def', 'B_def+1', 'C_def', 'A_doc', 'B_doc', 'end']);
    for (const { clean } of file.prompts) {
      const tokens = encoder.encode(String(clean), { bos: false }).map((id) => encoder.decode([id]).trim());
      const [, , A, B, C] = partsOf(clean);
      expect(names.map(([, at]) => tokens[at])).toEqual([A, B, ',', C, A, B, 'param']);
    }
  });
});
