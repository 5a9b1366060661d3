/** @file Filling sentences, words of one token, and drawing prompts that fit a tokenizer. */
import { parsePromptFile, tokenizePrompts } from '@auto-circuit/core';
import type { RandomSource } from '@auto-circuit/core/plugin';
import { promptFileText } from '@auto-circuit/core/run';
import { describe, expect, it } from 'vitest';
import { errorWith } from '../testing/error-matcher.js';
import { wordEncoder } from '../testing/word-encoder.js';
import { fill } from './fill.js';
import { oneTokenWords } from './one-token.js';
import { type Draft, promptSet } from './prompt-set.js';
import { draw, pick } from './random-choice.js';

const ANIMALS = ['cat', 'dog', 'fox', 'hen', 'owl'];
const SENTENCE = 'See the {animal} run, {other}';
const pair = (random: RandomSource): Draft => {
  const [animal, other] = draw(random, ANIMALS, 2) as [string, string];
  return {
    clean: fill(SENTENCE, { animal, other: 'Ann' }),
    corrupt: fill(SENTENCE, { animal: other, other: 'Ann' }),
    answers: [` ${animal}`],
    wrongAnswers: [` ${other}`],
  };
};
const request = { encoder: wordEncoder(), count: 12, seed: 4 };

describe('fill', () => {
  it('puts words into slots and says where they end', () => {
    expect(fill('{a} and {b}.', { a: 'Ann', b: 'Bo' })).toEqual({ text: 'Ann and Bo.', ends: { a: 3, b: 10 } });
  });

  it('refuses a slot without a word', () => {
    expect(() => fill('{a} and {b}.', { a: 'Ann' })).toThrow(errorWith('invalid-prompt', { slot: 'b' }));
  });
});

describe('oneTokenWords', () => {
  const encoder = wordEncoder(['heron']);
  it('keeps the words that are one token', () => {
    expect(oneTokenWords('t', 'birds', encoder, ['owl', 'heron', 'hen'], 2)).toEqual(['owl', 'hen']);
  });

  it('does not take the token of unknown words for one', () => {
    const known = ['owl', 'hen'];
    const strict = {
      ...encoder,
      encode: (text: string) => [known.indexOf(text.trim()) + 1],
      decode: (ids: readonly number[]) => ids.map((id) => ['<unk>', ...known][id]!).join(' '),
    };
    expect(oneTokenWords('t', 'birds', strict, ['owl', 'heron', 'hen'], 1)).toEqual(['owl', 'hen']);
  });

  it('refuses a tokenizer with too few of them, with how many it has', () => {
    expect(() => oneTokenWords('t', 'birds', encoder, ['owl', 'heron'], 2)).toThrow(
      errorWith('unfit-tokenizer', { task: 't', what: 'birds', found: 1, needed: 2 }),
    );
  });
});

describe('promptSet', () => {
  it('gives different prompts, the same for the same seed, others for another', () => {
    const { prompts } = promptSet({ task: 't', request, draw: pair });
    expect(new Set(prompts.map(({ clean, corrupt }) => `${clean}${corrupt}`)).size).toBe(12);
    expect(promptSet({ task: 't', request, draw: pair }).prompts).toEqual(prompts);
    expect(promptSet({ task: 't', request: { ...request, seed: 5 }, draw: pair }).prompts).not.toEqual(prompts);
    expect(promptSet({ task: 'u', request, draw: pair }).prompts).not.toEqual(prompts);
  });

  it('has the beginning of a longer set as a shorter one', () => {
    const few = promptSet({ task: 't', request: { ...request, count: 5 }, draw: pair });
    expect(few.prompts).toEqual(promptSet({ task: 't', request, draw: pair }).prompts.slice(0, 5));
  });

  it('drops pairs of different length and answers of several tokens', () => {
    // fox is two tokens: as the animal of one side it makes the pair uneven, as an answer it is no single token
    const { prompts } = promptSet({ task: 't', request: { ...request, encoder: wordEncoder(['fox']) }, draw: pair });
    expect(JSON.stringify(prompts)).not.toContain('fox');
    const all = promptSet({ task: 't', request, draw: pair });
    expect(JSON.stringify(all.prompts)).toContain('fox');
  });

  it('drops prompts with words that the tokenizer does not know', () => {
    const plain = wordEncoder();
    const encoder = { ...plain, decode: (ids: readonly number[]) => plain.decode(ids).replace('run', '<unk>') };
    expect(() => promptSet({ task: 't', request: { ...request, encoder }, draw: pair })).toThrow(
      'got 0; of the others 2000 with words that the tokenizer does not know; use a model with another tokenizer',
    );
  });

  it('refuses to make more prompts than there are, with the reasons', () => {
    // 5 · 4 ordered pairs; without fox 4 · 3
    const asked = { ...request, encoder: wordEncoder(['fox']), count: 13 };
    expect(() => promptSet({ task: 't', request: asked, draw: pair })).toThrow(
      /does not give that many different prompts with this tokenizer: expected 13, got 12; of the others \d+ drawn before, \d+ with clean and corrupt of different length; ask for at most 12/,
    );
    expect(() => promptSet({ task: 't', request: { ...request, count: 0 }, draw: pair })).toThrow(
      errorWith('invalid-option', { option: 'count', got: 0 }),
    );
  });

  it('aligned: only prompts of the most frequent layout, with word indices and labels', () => {
    const drawn = (random: RandomSource): Draft => {
      const draft = pair(random);
      const name = pick(random, ['Ann', 'Ann', 'Ann', 'Maximilian']); // two tokens
      const words = (text: string) => fill(SENTENCE, { animal: text.trim(), other: name });
      return { ...draft, clean: words(draft.answers[0]!), corrupt: words(draft.wrongAnswers[0]!) };
    };
    const file = promptSet({
      task: 't',
      request: { ...request, encoder: wordEncoder(['Maximilian']) },
      draw: drawn,
      wordIdxs: ({ animal, other }, length) => ({ animal: animal!, name: other!, end: length - 1 }),
    });
    expect(JSON.stringify(file.prompts)).not.toContain('Maximilian');
    expect(file.wordIdxs).toEqual({ animal: 2, name: 5, end: 5 });
    expect(file.seqLabels).toEqual(['See', 'the', 'animal', 'run', ',', 'Ann']);
  });

  it('finds words by counting tokens where decoded tokens do not make up the text', () => {
    const plain = wordEncoder();
    // As SentencePiece does: the space before a word is not in the token's text.
    const encoder = { ...plain, decode: (ids: readonly number[]) => plain.decode(ids).trimStart() };
    const wordIdxs = ({ animal }: Readonly<Record<string, number>>) => ({ animal: animal! });
    expect(promptSet({ task: 't', request: { ...request, encoder }, draw: pair, wordIdxs }).wordIdxs).toEqual({
      animal: 2,
    });
  });

  it('is a prompt file that is read back and tokenized', () => {
    const file = promptSet({ task: 't', request, draw: pair, wordIdxs: ({ animal }) => ({ animal: animal! }) });
    const again = parsePromptFile(promptFileText(file), file.path);
    expect(again).toEqual(file);
    const { prompts, wordIdxs } = tokenizePrompts(again, request.encoder, { bos: true });
    expect(wordIdxs).toEqual({ animal: 3 }); // BOS counted
    for (const { clean, answers } of prompts) expect(clean[3]).toBe(answers[0]);
  });
});
