/** @file Examples of prompts are those that the values by prompt belong to. */
import { describe, expect, it } from 'vitest';
import type { Prompt } from '../prompts/types.js';
import { promptExamples } from './prompt-examples.js';
import type { RunPrompts } from './prompts-of-run.js';

const decode = (ids: readonly number[]): string => ids.map((id) => `t${id}`).join(' ');
const prompt = (index: number): Prompt => ({
  index,
  clean: [1, index],
  corrupt: [2, index],
  answers: [7],
  wrongAnswers: [8, 9],
});
const runPrompts = (...batches: readonly (readonly Prompt[])[]): RunPrompts => ({
  train: [],
  test: batches.map((prompts) => ({ prompts, length: 2 })),
  counts: { train: 0, test: batches.flat().length, lengths: {} },
});

describe('promptExamples', () => {
  it('spreads over the batches, in the order of the values by prompt', () => {
    const indices = [30, 31, 32, 10, 11, 12, 13, 14, 15, 16];
    const examples = promptExamples(
      runPrompts(indices.slice(0, 3).map(prompt), indices.slice(3).map(prompt)),
      decode,
      100,
    );
    expect(examples.map(({ at }) => at)).toEqual([0, 2, 4, 6, 8]);
    expect(examples.map(({ index }) => index)).toEqual([30, 32, 11, 13, 15]);
    expect(examples[0]).toEqual({
      at: 0,
      index: 30,
      clean: 't1 t30',
      corrupt: 't2 t30',
      answers: ['t7'],
      wrongAnswers: ['t8', 't9'],
    });
  });

  it('has each of a few prompts once, with what was run before it, and none that is no text', () => {
    const after: Prompt = { ...prompt(3), prefix: { tokens: [5], kept: {} } };
    expect(promptExamples(runPrompts([after]), decode, 100).map(({ clean }) => clean)).toEqual(['t5 t1 t3']);
    expect(promptExamples(runPrompts([{ ...prompt(0), clean: [[0.5]], corrupt: [[1]] }]), decode, 100)).toEqual([]);
  });

  it('does not show wrong answers that the model cannot give', () => {
    const [example] = promptExamples(runPrompts([prompt(3)]), decode, 9);
    expect(example).toMatchObject({ answers: ['t7'], wrongAnswers: ['t8'] });
  });
});
