/** @file What every generator promises, for each task; what the single tasks mean stands in their own tests. */

import { tokenizePrompts } from '@auto-circuit/core';
import { type PromptGenerator, promptLength, type Task } from '@auto-circuit/core/plugin';
import { describe, expect, it } from 'vitest';
import { tasksPlugin } from './plugin.js';
import { wordEncoder } from './testing/word-encoder.js';

const isGenerator = (data: Task['data']): data is PromptGenerator => typeof data !== 'string' && !(data instanceof URL);
const generated = tasksPlugin.contributes.flatMap((item) =>
  item.kind === 'task' && isGenerator(item.data) ? [[item.name, item, item.data] as const] : [],
);

it('are those of fourteen tasks, with the sizes of AutoCircuit', () => {
  expect(Object.fromEntries(generated.map(([name, , { count }]) => [name, count]))).toEqual({
    ...{ ioi: 256, 'ioi-positions': 400, 'greater-than': 256, docstring: 512, 'docstring-positions': 512 },
    ...{ sva: 256, pronouns: 256, capitals: 64, 'animal-diet': 64 },
    ...{ 'sports-players': 210, 'sports-players-positions': 200 },
    ...{ mcqa: 64, 'arithmetic-addition': 64, 'arithmetic-subtraction': 64 },
  });
});

describe.each(generated)('%s', (_, task, data) => {
  const encoder = wordEncoder();
  const file = data.generate({ encoder, count: data.count, seed: data.seed });
  const { prompts, wordIdxs } = tokenizePrompts(file, encoder, { bos: false }); // checks answers and lengths of pairs

  it(`gives ${data.count} different prompts`, () => {
    expect(prompts).toHaveLength(data.count);
    expect(new Set(file.prompts.map(({ clean, corrupt }) => `${clean}\n${corrupt}`)).size).toBe(data.count);
  });

  it('has answers that are not wrong ones, and differing pairs', () => {
    for (const { clean, corrupt, answers, wrongAnswers } of prompts) {
      expect(clean).not.toEqual(corrupt);
      expect(answers.length).toBeGreaterThan(0);
      expect(wrongAnswers.length).toBeGreaterThan(0);
      expect(answers.filter((id) => wrongAnswers.includes(id))).toEqual([]);
    }
  });

  it('gives the same prompts for the same seed, others for another', () => {
    const again = (seed: number) => data.generate({ encoder: wordEncoder(), count: 5, seed }).prompts;
    expect(again(data.seed)).toEqual(file.prompts.slice(0, 5));
    expect(again(data.seed + 1)).not.toEqual(file.prompts.slice(0, 5));
  });

  if (task.tokenPositions) {
    it('has one length, word indices inside it and the last token as end', () => {
      const lengths = new Set(prompts.map(promptLength));
      expect(lengths.size).toBe(1);
      const [length] = [...lengths];
      expect(wordIdxs.end).toBe(length! - 1);
      for (const at of Object.values(wordIdxs)) expect(at).toBeLessThan(length!);
      expect(file.seqLabels).toHaveLength(length!);
    });
  }
});

it('keep to the words that are one token', () => {
  const encoder = wordEncoder(['Anna', 'Mary', 'Daniel', 'bank', 'book', 'Japan', 'Tokyo', 'city', 'index']);
  for (const [, , data] of generated) {
    const file = data.generate({ encoder, count: 40, seed: 0 });
    const words = new Set(JSON.stringify(file.prompts).match(/[A-Za-z]+/g));
    for (const word of ['Anna', 'Mary', 'Daniel', 'bank', 'book', 'Japan', 'Tokyo', 'city', 'index']) {
      expect(words.has(word), `${file.path}: ${word}`).toBe(false);
    }
  }
});
