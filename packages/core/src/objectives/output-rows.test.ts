import { describe, expect, it } from 'vitest';
import type { Prompt, PromptBatch } from '../prompts/types.js';
import { floatTensor } from '../tensor/tensor.js';
import { errorOf } from '../testing/errors.js';
import { meanOverAnswers, meanOverPositions, outputRows, positionRows, promptTargets } from './output-rows.js';

const prompt = (index: number, more: Partial<Prompt> = {}): Prompt => ({
  index,
  clean: [1, 2],
  corrupt: [1, 3],
  answers: [0],
  wrongAnswers: [1],
  ...more,
});
const batch: PromptBatch = { prompts: [prompt(0), prompt(1)], length: 2 };
const numbers = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => i);
const lists = (rows: ReturnType<typeof positionRows>): number[][][] => rows.map((of) => of.map((row) => [...row]));

describe('positionRows and outputRows', () => {
  it('give one row for each prompt, or one for each position read', () => {
    const single = [[[0, 1, 2]], [[3, 4, 5]]];
    expect(lists(positionRows(floatTensor(numbers(6), [2, 3]), batch))).toEqual(single);
    expect(lists(outputRows({ batch, logits: numbers(6) }, 3))).toEqual(single);
    const several = [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]; // biome-ignore format: prompts, positions, outputs
    expect(lists(positionRows(floatTensor(numbers(8), [2, 2, 2]), batch))).toEqual(several);
    expect(lists(outputRows({ batch, logits: numbers(8) }, 2))).toEqual(several);
  });

  it('refuse what is not of this batch', () => {
    expect(errorOf(() => positionRows(floatTensor(numbers(9), [3, 3]), batch))).toMatchObject({
      code: 'wrong-shape',
      fields: { shape: [3, 3], expectedShape: [2, 3] },
    });
    expect(errorOf(() => positionRows(floatTensor(numbers(2), [2]), batch))).toMatchObject({ code: 'wrong-shape' });
    for (const logits of [numbers(7), numbers(0)]) {
      expect(errorOf(() => outputRows({ batch, logits }, 2))).toMatchObject({ code: 'wrong-shape', kind: 'internal' });
    }
  });
});

describe('means over positions', () => {
  const rows = [Float64Array.of(1, 10), Float64Array.of(3, 30)];

  it('count every position once, by its own answers', () => {
    expect(meanOverPositions(rows, (row, position) => row[0]! + 100 * position)).toBe(52);
    const sides = (answers: number[]) => ({ index: 0, answers, wrongAnswers: [] });
    const byPosition = [sides([0]), sides([1])];
    expect(meanOverAnswers(rows, prompt(0, { byPosition }), (row, { answers }) => row[answers[0]!]!)).toBe(15.5);
  });

  it('refuse a prompt that has answers for another number of positions', () => {
    expect(errorOf(() => meanOverAnswers(rows, prompt(5), () => 0))).toMatchObject({
      code: 'invalid-prompt',
      fields: { prompt: 5, positions: 2 },
    });
  });
});

describe('promptTargets', () => {
  it('puts the targets of a batch into one tensor, in order', () => {
    const prompts = [prompt(0, { targets: [[1, 2]] }), prompt(1, { targets: [[3, 4]] })];
    const { shape, data } = promptTargets({ prompts, length: 2 });
    expect([shape, [...data]]).toEqual([
      [2, 1, 2],
      [1, 2, 3, 4],
    ]);
  });

  it('refuses a prompt without targets, and one whose targets have another shape', () => {
    const first = prompt(0, { targets: [[1, 2]] });
    expect(errorOf(() => promptTargets({ prompts: [first, prompt(1)], length: 2 }))).toMatchObject({
      code: 'missing-targets',
      fields: { prompt: 1 },
    });
    for (const targets of [
      [[1]],
      [
        [1, 2],
        [3, 4],
      ],
    ]) {
      expect(errorOf(() => promptTargets({ prompts: [first, prompt(1, { targets })], length: 2 }))).toMatchObject({
        code: 'invalid-prompt',
        fields: { prompt: 1 },
      });
    }
  });
});
