/** @file Labels of token positions. */
import { describe, expect, it } from 'vitest';
import { positionLabels } from './position-labels.js';

const prompt = (index: number, clean: readonly number[]) => ({
  index,
  clean,
  corrupt: clean,
  answers: [],
  wrongAnswers: [],
});
const prompts = [prompt(0, [7, 1, 5, 9]), prompt(1, [7, 2, 6, 9])];
const tokenizer = { decode: (ids: readonly number[]) => ` t${ids.join()}` };

describe('positionLabels', () => {
  it('names words, and tokens that stand in every prompt', () => {
    const labels = positionLabels(4, { prompts, seqLabels: null, wordIdxs: { IO: 1, name: 1 } }, tokenizer);
    expect(labels).toEqual(['t7', 'IO, name', '', 't9']);
  });

  it('takes the labels of the file first, and no tokens where there are none', () => {
    const labelled = { prompts, seqLabels: ['a', 'b', 'c', 'd'], wordIdxs: { IO: 1 } };
    expect(positionLabels(4, labelled, tokenizer)).toEqual(['a', 'b', 'c', 'd']);
    expect(positionLabels(4, { prompts, seqLabels: null, wordIdxs: {} }, null)).toEqual(['', '', '', '']);
  });
});
