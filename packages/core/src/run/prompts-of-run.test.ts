import { describe, expect, it } from 'vitest';
import type { Prompt } from '../prompts/types.js';
import { errorOf } from '../testing/errors.js';
import { stagedGraph } from '../testing/graphs.js';
import { promptsHash } from './prompts-hash.js';
import { choosePrompts, promptsOfRun, type RunPromptSettings } from './prompts-of-run.js';

const prompt = (index: number, length: number, more: Partial<Prompt> = {}): Prompt => ({
  index,
  clean: Array.from({ length }, (_, i) => index + i),
  corrupt: Array.from({ length }, (_, i) => index + i + 1),
  answers: [1],
  wrongAnswers: [2],
  ...more,
});
/** Six prompts of three tokens, two of four. */
const prompts = [3, 3, 4, 3, 3, 4, 3, 3].map((length, index) => prompt(index, length));
const settings: RunPromptSettings = { length: null, limit: null, train: null, test: null, batchSize: 2, seed: 1 };
const indices = (batches: ReturnType<typeof promptsOfRun>['train']) =>
  batches.flatMap((batch) => batch.prompts.map(({ index }) => index)).sort((a, b) => a - b);

describe('choosePrompts', () => {
  it('takes one length, then the first so many', () => {
    expect(choosePrompts(prompts, { length: null, limit: null })).toEqual(prompts);
    expect(choosePrompts(prompts, { length: 4, limit: null }).map(({ index }) => index)).toEqual([2, 5]);
    expect(choosePrompts(prompts, { length: 3, limit: 2 }).map(({ index }) => index)).toEqual([0, 1]);
  });

  it('refuses limits that are none, and data sets without prompts', () => {
    for (const limit of [0, -1, 1.5]) {
      expect(errorOf(() => choosePrompts(prompts, { length: null, limit }))).toMatchObject({
        code: 'invalid-option',
        fields: { option: 'limit', got: limit },
      });
    }
    expect(errorOf(() => choosePrompts([], { length: null, limit: null }))).toMatchObject({ code: 'no-prompts' });
  });
});

describe('promptsOfRun', () => {
  it('divides prompts by the seed, none in both parts, in batches of one length', () => {
    const { train, test, counts } = promptsOfRun(prompts, stagedGraph(), 'resample', settings);
    expect(counts).toEqual({ train: 4, test: 4, lengths: { 3: 6, 4: 2 } });
    expect([...indices(train), ...indices(test)].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    for (const batch of [...train, ...test]) {
      expect(batch.prompts.length).toBeLessThanOrEqual(2);
      for (const { clean } of batch.prompts) expect(clean).toHaveLength(batch.length);
    }
    const again = promptsOfRun(prompts, stagedGraph(), 'resample', settings);
    expect(indices(again.train)).toEqual(indices(train));
    const other = [2, 3, 4].map((seed) =>
      indices(promptsOfRun(prompts, stagedGraph(), 'resample', { ...settings, seed }).train),
    );
    expect(other).not.toEqual([indices(train), indices(train), indices(train)]);
  });

  it('tests on the very batches of training where that is asked, so that what is stored of them is used again', () => {
    const { train, test } = promptsOfRun(prompts, stagedGraph(), 'resample', { ...settings, test: 'same' });
    expect(test).toBe(train);
  });

  it('needs one length for edges by position and for means, not for others', () => {
    const byPosition = stagedGraph({ positions: 3 });
    const lengths = { 3: 6, 4: 2 };
    expect(errorOf(() => promptsOfRun(prompts, byPosition, 'resample', settings))).toMatchObject({
      code: 'mixed-lengths',
      fields: { lengths },
    });
    expect(errorOf(() => promptsOfRun(prompts, stagedGraph(), 'mean-clean', settings))).toMatchObject({
      code: 'mixed-lengths',
      fields: { lengths },
    });
    const one = { ...settings, length: 3 };
    expect(promptsOfRun(prompts, byPosition, 'mean-clean', one).counts.lengths).toEqual({ 3: 6 });
    expect(promptsOfRun(prompts, stagedGraph(), 'batch-mean', settings).counts.train).toBe(4);
  });
});

describe('promptsHash', () => {
  it('changes with whatever the model or a metric sees of a prompt, and with the order', () => {
    const base = [prompt(0, 3), prompt(1, 3)];
    const changed: Prompt[][] = [
      [prompt(1, 3), prompt(0, 3)],
      [prompt(0, 3), prompt(1, 3, { answers: [3] })],
      [prompt(0, 3), prompt(1, 3, { wrongAnswers: [] })],
      [prompt(0, 3), prompt(1, 3, { corrupt: [1, 2, 9] })],
      [prompt(0, 3), prompt(1, 3, { targets: [[1]] })],
      [prompt(0, 3), prompt(1, 3, { byPosition: [{ index: 1, answers: [1], wrongAnswers: [2] }] })],
    ];
    const hashes = [base, ...changed].map(promptsHash);
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(promptsHash([prompt(0, 3), prompt(1, 3)])).toBe(hashes[0]);
    expect(promptsHash([prompt(7, 3, { clean: [0, 1, 2], corrupt: [1, 2, 3] }), prompt(1, 3)])).toBe(hashes[0]); // its index is not seen
  });
});
