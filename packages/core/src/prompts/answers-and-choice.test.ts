/** @file Answers of tokenizers that put `▁` before a text, what is told of prompts, and which prompts are looked at at all. */
import { describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { answerTokensAfter } from './answer-tokens.js';
import { parsePromptFile } from './prompt-file.js';
import type { TextEncoder } from './text-encoder.js';
import { type TokenizeOptions, tokenizePrompts } from './tokenize.js';

const PIECES = ['<unk>', '<s>', '▁', '▁Mary', '▁John', '▁gave', '▁to', 'Mary', '4', '▁a', 'b', 'o', 't', '▁tom'];
const id = (piece: string): number => PIECES.indexOf(piece);

/** As Llama 2's: `▁` before the text and for every space, then from the left the longest piece that fits. */
const llama: TextEncoder = {
  bosId: id('<s>'),
  unkId: id('<unk>'),
  encode(text, { bos }) {
    const begins = text.startsWith('<s>');
    const ids: number[] = [bos, begins].flatMap((has) => (has ? [id('<s>')] : []));
    let rest = `▁${(begins ? text.slice(3) : text).replaceAll(' ', '▁')}`;
    while (rest !== '') {
      const piece = PIECES.filter((one) => rest.startsWith(one)).sort((a, b) => b.length - a.length)[0];
      ids.push(id(piece ?? '<unk>'));
      rest = rest.slice(piece?.length ?? 1);
    }
    return ids;
  },
  decode: (ids) =>
    ids
      .map((one) => PIECES[one]!)
      .join('')
      .replaceAll('▁', ' ')
      .replace(/^ /, ''),
};
/** Bytes, but for a few words: what is made of them alone and after a prompt is the same. */
const bytes: TextEncoder = {
  bosId: null,
  encode: (text) => (text.match(/ 1732| Mary|Mary| Anna| to| 17|32|[\s\S]/g) ?? []).map((piece) => codeOf(piece)),
  decode: (ids) => ids.map((one) => WORDS[one - 1000] ?? String.fromCharCode(one)).join(''),
};
const WORDS = [' Mary', 'Mary', ' Anna', ' to', ' 17', '32', ' 1732'];
const codeOf = (piece: string): number => (WORDS.includes(piece) ? 1000 + WORDS.indexOf(piece) : piece.charCodeAt(0));

const file = (prompts: object[]) => parsePromptFile(JSON.stringify({ prompts }), 'p.json');
const PAIR = { clean: 'Mary gave to', corrupt: 'John gave to' };
const tokenize = (prompts: object[], options: Partial<TokenizeOptions> = {}, encoder = llama) =>
  tokenizePrompts(file(prompts), encoder, { bos: false, ...options });
const after = (encoder: TextEncoder, text: string, answer: string) =>
  answerTokensAfter(encoder, { text, ids: encoder.encode(text, { bos: false }) }, answer);

describe('an answer is what it adds to its prompt', () => {
  it('where the tokenizer puts ▁ before a text', () => {
    expect(llama.encode(' Mary', { bos: false })).toEqual([id('▁'), id('▁Mary')]);
    expect(tokenize([{ ...PAIR, answers: [' Mary'], wrong_answers: [' John'] }])).toMatchObject({
      prompts: [{ clean: ['▁Mary', '▁gave', '▁to'].map(id), answers: [id('▁Mary')], wrongAnswers: [id('▁John')] }],
      warnings: [],
    });
  });

  it('also of prompts that are token ids', () => {
    const [first] = tokenize([{ clean: [1, 4], corrupt: [1, 3], answers: [' Mary', 5] }]).prompts;
    expect(first).toMatchObject({ clean: [1, 4], answers: [id('▁Mary'), 5] });
  });

  it('and not the same word at the beginning of a text', () => {
    expect(llama.encode('Mary', { bos: false })).toEqual([id('▁Mary')]);
    const { prompts, warnings } = tokenize([{ ...PAIR, answers: ['Mary'] }]);
    expect(prompts[0]!.answers).toEqual([id('Mary')]);
    expect(warnings).toEqual([expect.stringMatching(/^p\.json: 1 prompt has .* "Mary" of prompt 0, where " Mary" is/)]);
  });

  it('but the word itself where the tokenizer has no other token for it, which is told', () => {
    const { prompts, warnings } = tokenize([{ ...PAIR, answers: ['John'] }]);
    expect(prompts[0]!.answers).toEqual([id('▁John')]);
    expect(warnings).toEqual([expect.stringMatching(/"John" of prompt 0, which is read as " John"$/)]);
  });

  it('for bytes it is the token of the answer, also where the two would be joined', () => {
    expect(after(bytes, 'gave to', ' Mary')).toEqual([codeOf(' Mary')]);
    expect(after(bytes, 'gave to', 'Mary')).toEqual([codeOf('Mary')]);
    expect(bytes.encode('in 1732', { bos: false })).not.toContain(codeOf('32'));
    expect(after(bytes, 'in 17', '32')).toEqual([codeOf('32')]);
    expect(tokenize([{ clean: 'a 17', corrupt: 'b 17', answers: ['32'] }], {}, bytes).warnings).toEqual([]);
  });

  it('of several tokens is refused with advice that helps', () => {
    const advice = (answer: string, encoder = llama) => {
      const error = errorOf(() =>
        tokenize([{ clean: 'Mary gave to', corrupt: 'Mary gave to', answers: [answer] }], {}, encoder),
      );
      expect(error).toMatchObject({ code: 'answer-not-one-token', fields: { prompt: 0, answer } });
      return String(error);
    };
    expect(advice(' 4')).toMatch(/end the prompts with a space and answer "4"/);
    expect(after(llama, 'Mary gave to ', '4')).toEqual([id('4')]); // the advice is right
    expect(advice('Anna', bytes)).toMatch(/write " Anna", with the space/);
    expect(advice(' bob')).toMatch(/choose an answer that is one token/);
  });
});

describe('what is likely not meant', () => {
  it('a word that the tokenizer does not know, by its name', () => {
    const { warnings } = tokenize(
      [
        { ...PAIR, answers: [' Mary'] },
        { clean: 'Zoë gave to', corrupt: 'Mary Mary gave to', answers: [' Mary'] },
      ],
      { unfit: 'skip' },
    );
    expect(warnings).toEqual([]); // the second has sides of different length
    const told = tokenize([{ clean: 'b Q gave', corrupt: 'b b gave', answers: [' Mary'] }]).warnings;
    expect(told).toEqual([expect.stringMatching(/does not know, such as "Q" of prompt 0 \(clean\)/)]);
    expect(tokenize([{ clean: '<unk> gave', corrupt: '<unk> gave', answers: [' Mary'] }]).warnings).toEqual([]);
  });

  it('an answer that the tokenizer does not know is refused', () => {
    expect(errorOf(() => tokenize([{ ...PAIR, answers: ['Q'] }]))).toMatchObject({
      code: 'invalid-prompt',
      fields: { prompt: 0, answer: 'Q', token: id('<unk>') },
    });
  });

  it('BOS in the text: no second one, and nothing is shifted', () => {
    const own = { clean: '<s>Mary gave to', corrupt: 'John gave to', answers: [' Mary'] };
    const read = tokenizePrompts(
      parsePromptFile(JSON.stringify({ prompts: [own], word_idxs: { end: 3 } }), 'p.json'),
      llama,
      { bos: true },
    );
    const [prompt] = read.prompts;
    expect(prompt!.clean.filter((one) => one === id('<s>'))).toHaveLength(1);
    expect(prompt!.corrupt).toEqual(['<s>', '▁John', '▁gave', '▁to'].map(id));
    expect(read).toMatchObject({ bosAdded: false, wordIdxs: { end: 3 } });
    expect(read.warnings).toEqual([expect.stringMatching(/begins with "<s>" already, so no second BOS/)]);
  });
});

describe('which prompts are looked at', () => {
  const good = { ...PAIR, answers: [' Mary'] };
  const bad = { ...PAIR, answers: [' bob'] };
  const longer = { clean: 'Mary Mary gave to', corrupt: 'John Mary gave to', answers: [' bob'] };
  const indices = (prompts: object[], options: Partial<TokenizeOptions>) => {
    const { prompts: kept, unfit } = tokenize(prompts, options);
    return [kept.map(({ index }) => index), unfit.map(({ index }) => index)];
  };

  it('those that --limit and --length leave, before they are checked', () => {
    expect(indices([good, good, bad], { limit: 2 })).toEqual([[0, 1], []]);
    expect(indices([longer, good, good], { length: 3 })).toEqual([[1, 2], []]);
    expect(indices([longer, good, good, bad], { length: 3, limit: 2 })).toEqual([[1, 2], []]);
    expect(errorOf(() => tokenize([good, bad], { limit: 2 }))).toMatchObject({ code: 'answer-not-one-token' });
    expect(errorOf(() => tokenize([good], { length: 9 }))).toMatchObject({
      code: 'no-prompts',
      fields: { length: 9, lengths: { 3: 1 } },
    });
    expect(errorOf(() => tokenize([good], { limit: 0 }))).toMatchObject({ code: 'invalid-option' });
  });

  it('unfit ones are skipped, and others take their place; or only listed', () => {
    expect(indices([bad, good, bad, good, good], { unfit: 'skip', limit: 2 })).toEqual([
      [1, 3],
      [0, 2],
    ]);
    expect(indices([bad, good, bad, good], { unfit: 'list', limit: 2 })).toEqual([[1], [0]]);
    expect(indices([bad], { unfit: 'list' })).toEqual([[], [0]]);
    expect(errorOf(() => tokenize([bad, bad], { unfit: 'skip' }))).toMatchObject({
      code: 'unfit-prompts',
      fields: { path: 'p.json', prompts: [0, 1] },
    });
  });

  it('a missing tokenizer is no fault of a prompt', () => {
    expect(errorOf(() => tokenizePrompts(file([good]), null, { bos: false, unfit: 'skip' }))).toMatchObject({
      code: 'no-tokenizer',
    });
  });
});

describe('the model that will run them', () => {
  const model = (features: number[], maxPositions: number | null) => ({
    name: 'm',
    spec: { input: { features }, maxPositions },
  });
  const floats = [{ clean: [[0.5, 1]], corrupt: [[1, 0]], answers: [0] }];
  const tokens = [{ clean: [5], corrupt: [6], answers: [0] }];

  it.each([
    ['floats for a model of tokens', floats, []],
    ['tokens for a model of floats', tokens, [2]],
    ['floats of another width', floats, [3]],
  ])('refuses %s, naming file, prompt and field', (_, prompts, features) => {
    const error = errorOf(() => tokenize(prompts, { model: model(features, null) }));
    expect(error).toMatchObject({ code: 'unfit-prompts', fields: { path: 'p.json', prompt: 0, key: 'clean' } });
    expect(String(error)).toMatch(/p\.json: prompts\[0\]\.clean/);
  });

  it('takes what fits, and leaves out what is too long', () => {
    expect(tokenize(floats, { model: model([2], null) }).prompts).toHaveLength(1);
    expect(tokenize(tokens, { model: model([], null) }).prompts).toHaveLength(1);
    const long = [{ clean: [5, 5], corrupt: [6, 6], answers: [0] }, ...tokens];
    expect(errorOf(() => tokenize(long, { model: model([], 1) }))).toMatchObject({
      code: 'prompt-too-long',
      fields: { prompt: 0, length: 2, limit: 1 },
    });
    expect(tokenize(long, { model: model([], 1), unfit: 'skip' }).prompts.map(({ index }) => index)).toEqual([1]);
  });
});
