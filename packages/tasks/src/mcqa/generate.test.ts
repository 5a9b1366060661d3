import { describe, expect, it } from 'vitest';
import { wordEncoder } from '../testing/word-encoder.js';
import { generateMcqa } from './generate.js';

describe('mcqa', () => {
  const { prompts } = generateMcqa({ encoder: wordEncoder(), count: 40, seed: 3 });

  it('answers with the letter of the choice that the sentence names', () => {
    for (const { clean, corrupt, answers, wrongAnswers } of prompts) {
      const color = /is (\w+)\. What/.exec(String(clean))![1];
      const letterIn = (text: unknown): string => new RegExp(`(\\w)\\. ${color}$`, 'm').exec(String(text))![1]!;
      expect(answers).toEqual([` ${letterIn(clean)}`]);
      expect(wrongAnswers).toEqual([` ${letterIn(corrupt)}`]);
    }
    expect(new Set(prompts.map(({ answers }) => answers[0])).size).toBe(4);
  });

  it('differs from its counterfactual in the letters alone', () => {
    for (const { clean, corrupt } of prompts) {
      const bare = (text: unknown): string => String(text).replaceAll(/^\w\. /gm, '');
      expect(bare(clean)).toBe(bare(corrupt));
      expect(String(clean).match(/^\w\./gm)).toEqual(['A.', 'B.', 'C.', 'D.']);
    }
  });
});
