import { describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { parsePromptFile } from './prompt-file.js';
import type { TextEncoder } from './text-encoder.js';
import { tokenizePrompts } from './tokenize.js';

/** A real, small tokenizer: one token for each space-led word of a word list, else one for each character. */
function wordTokenizer(words: readonly string[], bosId: number | null): TextEncoder {
  const vocabulary = ['<bos>', ...words];
  const idOf = (piece: string): number => {
    const known = vocabulary.indexOf(piece);
    if (known >= 0) return known;
    return vocabulary.push(piece) - 1;
  };
  return {
    bosId,
    encode(text, { bos }) {
      const pieces =
        text.match(/ ?[^ ]+|^$/g)?.flatMap((piece) => (words.includes(piece) ? [piece] : [...piece])) ?? [];
      return [...(bos && bosId !== null ? [bosId] : []), ...pieces.map(idOf)];
    },
    decode: (ids) => ids.map((id) => vocabulary[id]!).join(''),
  };
}
const encoder = wordTokenizer([' Kate', ' Anna', ' gave', ' to'], 0);
const file = (prompts: object[], extra: object = {}) =>
  parsePromptFile(JSON.stringify({ prompts, ...extra }), 'p.json');
const PROMPT = { clean: ' Kate gave to', corrupt: ' Anna gave to', answers: [' Anna', 9], wrong_answers: [' Kate'] };

describe('tokenizePrompts', () => {
  it('encodes prompts and answers', () => {
    expect(tokenizePrompts(file([PROMPT]), encoder, { bos: false }).prompts).toEqual([
      { index: 0, clean: [1, 3, 4], corrupt: [2, 3, 4], answers: [2, 9], wrongAnswers: [1] },
    ]);
  });

  it('puts BOS before prompts only, and shifts labels and words with it', () => {
    const labelled = file([PROMPT], { seq_labels: ['a', 'b', 'c'], word_idxs: { IO: 0, verb: 1 } });
    const withBos = tokenizePrompts(labelled, encoder, { bos: true });
    expect(withBos.prompts[0]).toMatchObject({ clean: [0, 1, 3, 4], answers: [2, 9] });
    expect(withBos).toMatchObject({
      bosAdded: true,
      seqLabels: ['<BOS>', 'a', 'b', 'c'],
      wordIdxs: { IO: 1, verb: 2 },
    });
    const without = tokenizePrompts(labelled, encoder, { bos: false });
    expect(without).toMatchObject({ bosAdded: false, seqLabels: ['a', 'b', 'c'], wordIdxs: { IO: 0, verb: 1 } });
  });

  it('takes token ids and features as they are', () => {
    const tokens = tokenizePrompts(
      file([{ clean: [5, 6], corrupt: [5, 7], answers: [1] }], { word_idxs: { x: 1 } }),
      null,
      { bos: true },
    );
    expect(tokens).toMatchObject({
      bosAdded: false,
      wordIdxs: { x: 1 },
      prompts: [{ clean: [5, 6], corrupt: [5, 7], answers: [1], wrongAnswers: [] }],
    });
    const features = tokenizePrompts(file([{ clean: [[1, 0.5]], corrupt: [[0, 0]], answers: [0] }]), null, {
      bos: false,
    });
    expect(features.prompts[0]!.clean).toEqual([[1, 0.5]]);
  });

  it.each([
    [
      'an answer of several tokens',
      [PROMPT, { ...PROMPT, answers: [' Bo'] }],
      'answer-not-one-token',
      { prompt: 1, answer: ' Bo', tokens: 3 },
    ],
    [
      'a wrong answer of several',
      [{ ...PROMPT, wrong_answers: [' Bo'] }],
      'answer-not-one-token',
      { prompt: 0, answer: ' Bo' },
    ],
    [
      'different lengths',
      [PROMPT, { ...PROMPT, corrupt: ' Anna gave' }],
      'invalid-prompt',
      { prompt: 1, clean: 3, corrupt: 2 },
    ],
    ['no tokens', [{ ...PROMPT, clean: ' ' }], 'invalid-prompt', { prompt: 0 }],
    [
      'uneven features',
      [{ clean: [[1], [2]], corrupt: [[1], [2, 3]], answers: [0] }],
      'invalid-prompt',
      { prompt: 0, position: 1 },
    ],
  ])('refuses %s', (_, prompts, code, fields) => {
    expect(errorOf(() => tokenizePrompts(file(prompts), encoder, { bos: false }))).toMatchObject({ code, fields });
  });

  it('needs a tokenizer for text, and one with BOS for BOS', () => {
    expect(errorOf(() => tokenizePrompts(file([PROMPT]), null, { bos: false }))).toMatchObject({
      code: 'no-tokenizer',
      fields: { prompt: 0 },
    });
    expect(errorOf(() => tokenizePrompts(file([PROMPT]), wordTokenizer([], null), { bos: true }))).toMatchObject({
      code: 'no-bos-token',
    });
  });
});
