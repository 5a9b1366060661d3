import { describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { batchesOf, groupByLength, inputOf, promptsOfLength, requireOneLength, splitTrainTest } from './prompts.js';
import type { Prompt } from './types.js';

const prompt = (index: number, length: number): Prompt => ({
  index,
  clean: Array.from({ length }, (_, i) => 10 * index + i),
  corrupt: Array.from({ length }, (_, i) => 1000 + 10 * index + i),
  answers: [1],
  wrongAnswers: [2],
});
const LENGTHS = [3, 2, 3, 3, 2, 3, 4];
const prompts = LENGTHS.map((length, index) => prompt(index, length));
const indices = (list: readonly Prompt[]): number[] => list.map(({ index }) => index);

describe('lengths', () => {
  it('group, choose and require', () => {
    expect([...groupByLength(prompts)].map(([length, group]) => [length, indices(group)])).toEqual([
      [2, [1, 4]],
      [3, [0, 2, 3, 5]],
      [4, [6]],
    ]);
    expect(indices(promptsOfLength(prompts, 2))).toEqual([1, 4]);
    const lengths = { 2: 2, 3: 4, 4: 1 };
    expect(errorOf(() => promptsOfLength(prompts, 5))).toMatchObject({
      code: 'no-prompts',
      fields: { length: 5, lengths },
    });
    expect(() => promptsOfLength(prompts, 5)).toThrow(
      /no prompt has length 5.*2 tokens \(2 prompts\), 3 tokens \(4 prompts\), 4 tokens \(1 prompt\)/,
    );
    expect(requireOneLength(promptsOfLength(prompts, 3), 'token positions')).toBe(3);
    expect(errorOf(() => requireOneLength(prompts, 'token positions'))).toMatchObject({
      code: 'mixed-lengths',
      fields: { lengths },
    });
  });
});

describe('batchesOf', () => {
  it('cuts each length by index and keeps the last batch', () => {
    const batches = batchesOf(prompts.toReversed(), 3);
    expect(batches.map((batch) => [batch.length, indices(batch.prompts)])).toEqual([
      [3, [0, 2, 3]],
      [2, [1, 4]],
      [3, [5]],
      [4, [6]],
    ]);
    expect(errorOf(() => batchesOf(prompts, 0))).toMatchObject({
      code: 'invalid-option',
      fields: { option: 'batchSize', got: 0 },
    });
  });
});

describe('splitTrainTest', () => {
  const many = Array.from({ length: 101 }, (_, index) => prompt(index, 2));

  it('is half and half by default, disjoint, in order and by the seed', () => {
    const { train, test } = splitTrainTest(many, { seed: 1 });
    expect([train.length, test.length]).toEqual([51, 50]);
    expect([...indices(train), ...indices(test)].sort((a, b) => a - b)).toEqual(indices(many));
    expect(indices(train)).toEqual(indices(train).toSorted((a, b) => a - b));
    expect(splitTrainTest(many, { seed: 1 })).toEqual({ train, test });
    expect(indices(splitTrainTest(many, { seed: 2 }).train)).not.toEqual(indices(train));
    expect(indices(train)).not.toEqual(indices(many.slice(0, 51)));
  });

  it('takes the numbers asked for', () => {
    const sizes = (settings: object) => {
      const { train, test } = splitTrainTest(many, { seed: 1, ...settings });
      return [train.length, test.length];
    };
    expect(sizes({ train: 10 })).toEqual([10, 91]);
    expect(sizes({ test: 10 })).toEqual([91, 10]);
    expect(sizes({ train: 10, test: 20 })).toEqual([10, 20]);
    const same = splitTrainTest(many, { seed: 1, test: 'same' });
    expect(indices(same.train)).toEqual(indices(many));
    expect(same.test).toBe(same.train);
    expect(sizes({ train: 7, test: 'same' })).toEqual([7, 7]);
  });

  it.each([{ train: 60, test: 60 }, { train: 101 }, { train: 102, test: 'same' as const }])(
    'refuses %o',
    (settings) => {
      expect(errorOf(() => splitTrainTest(many, { seed: 1, ...settings }))).toMatchObject({
        code: 'split-too-large',
        fields: { prompts: 101, ...settings },
      });
    },
  );
  it.each([
    ['train', { train: 0 }, 0],
    ['train', { train: 1.5, test: 3 }, 1.5],
    ['test', { test: 0 }, 0],
    ['test', { test: -1 }, -1],
  ] as const)('refuses a number that is none, naming %s: %o', (option, settings, got) => {
    expect(errorOf(() => splitTrainTest(many, { seed: 1, ...settings }))).toMatchObject({
      code: 'invalid-option',
      fields: { option, got },
    });
  });
  it('refuses one prompt for two parts', () => {
    expect(errorOf(() => splitTrainTest([many[0]!], { seed: 1 }))).toMatchObject({
      code: 'split-too-large',
      fields: { prompts: 1, train: 1, test: 0 },
    });
  });
});

describe('inputOf', () => {
  it('is token ids or features', () => {
    const [batch] = batchesOf([prompt(0, 2), prompt(1, 2)], 8);
    expect(inputOf(batch!, 'corrupt')).toEqual({
      dtype: 'int',
      shape: [2, 2],
      data: Int32Array.of(1000, 1001, 1010, 1011),
    });
    const toy: Prompt = {
      ...prompt(0, 1),
      clean: [
        [0.5, 1],
        [2, 3],
        [4, 5],
      ],
      corrupt: [
        [0, 0],
        [0, 0],
        [0, 0],
      ],
    };
    expect(inputOf(batchesOf([toy], 1)[0]!, 'clean')).toEqual({
      dtype: 'float',
      shape: [1, 3, 2],
      data: Float32Array.of(0.5, 1, 2, 3, 4, 5),
    });
  });
});
