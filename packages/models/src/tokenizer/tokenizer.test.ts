/** @file Tokenizers against those of Hugging Face, and hand-made ones for what is rare. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorWith } from '../testing/error-matcher.js';
import { loadTokenizer } from './tokenizer.js';

const gpt2Text = fileURLToPath(new URL('../../test-data/gpt2_text', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tokenizer-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
const write = (name: string, content: unknown) =>
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));

// Byte-level names: Ġ is the space; ٣ and ٤ are the bytes D9 A3 and D9 A4, written Ù£ and Ù¤.
const SYMBOLS = ['a', 'b', '1', '2', 'Ġ', 'Ù', '£', '¤'];
const MERGES: [string, string][] = [
  ['a', 'b'],
  ['1', '2'],
  ['Ġ', 'ab'],
  ['£', 'Ù'],
];
const TOKENS = [...SYMBOLS, ...MERGES.map(([a, b]) => a + b), '<s>'];
const vocab = Object.fromEntries(TOKENS.map((token, id) => [token, id]));
const BOS = vocab['<s>']!;
const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
const tiny = (changes: Record<string, unknown> = {}) => ({
  version: '1.0',
  added_tokens: [
    { id: BOS, content: '<s>', special: true, normalized: false, lstrip: false, rstrip: false, single_word: false },
  ],
  normalizer: null,
  pre_tokenizer: byteLevel,
  post_processor: null,
  decoder: byteLevel,
  model: { type: 'BPE', vocab, merges: MERGES },
  ...changes,
});

describe('loadTokenizer', () => {
  it('gives the ids that the reference gives', () => {
    const tokenizer = loadTokenizer(gpt2Text);
    const text = "Then it's 7 o'clock. When Kate and Mary went to the store, Mary gave a drink to";
    const ids = [
      0, 310, 318, 309, 316, 317, 7, 321, 14, 221, 264, 293, 273, 294, 276, 260, 274, 308, 12, 294, 275, 259, 306, 260,
    ];
    expect(tokenizer.encode(text, { bos: true })).toEqual(ids);
    expect(tokenizer.decode(ids.slice(1))).toBe(text);
    expect(tokenizer.encode(' Kate', { bos: false })).toEqual([293]);
    expect(tokenizer.tokenText(293)).toBe(' Kate');
    expect([tokenizer.bosId, tokenizer.addsBos, tokenizer.size]).toEqual([0, false, 323]);
  });

  it('splits at every Unicode number, not only at ASCII digits', () => {
    const digits = (individual: boolean) =>
      tiny({
        pre_tokenizer: {
          type: 'Sequence',
          pretokenizers: [{ type: 'Digits', individual_digits: individual }, byteLevel],
        },
      });
    const names = (text: string) => {
      const tokenizer = loadTokenizer(folder);
      return tokenizer.encode(text).map((id) => TOKENS[id]);
    };
    write('tokenizer.json', digits(true));
    expect(names('ab12')).toEqual(['ab', '1', '2']);
    expect(names('٣٤')).toEqual(['Ù', '£', 'Ù', '¤']);
    write('tokenizer.json', digits(false));
    expect(names('ab12')).toEqual(['ab', '12']);
    expect(names('٣٤')).toEqual(['Ù', '£Ù', '¤']);
    expect(names('a٣')).toEqual(['a', 'Ù', '£']);
  });

  it('knows BOS and whether the tokenizer adds it: add_bos_token, else the post-processor', () => {
    const template = {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    };
    const post_processor = {
      ...template,
      pair: [],
      special_tokens: { '<s>': { id: '<s>', ids: [BOS], tokens: ['<s>'] } },
    };
    write('tokenizer.json', tiny({ post_processor }));
    expect(loadTokenizer(folder)).toMatchObject({ bosId: null, addsBos: false });
    write('config.json', { model_type: 'gpt2', bos_token_id: BOS, eos_token_id: [1, 2] });
    const tokenizer = loadTokenizer(folder);
    expect(tokenizer).toMatchObject({ bosId: BOS, eosId: 1, addsBos: true });
    expect(tokenizer.encode('ab')).toEqual([BOS, vocab.ab]);
    expect(tokenizer.encode('ab', { bos: false })).toEqual([vocab.ab]);
    expect(tokenizer.decode([BOS, vocab.ab!])).toBe('<s>ab');
    write('tokenizer_config.json', { bos_token: { content: '<s>' }, add_bos_token: false });
    expect(loadTokenizer(folder)).toMatchObject({ bosId: BOS, addsBos: false });
    write('tokenizer.json', tiny());
    write('tokenizer_config.json', { add_bos_token: true });
    write('special_tokens_map.json', { bos_token: '<s>' });
    expect(loadTokenizer(folder)).toMatchObject({ bosId: BOS, addsBos: true });
  });

  it('shows whole characters as text and parts of them by name', () => {
    write('tokenizer.json', tiny());
    const tokenizer = loadTokenizer(folder);
    expect(tokenizer.tokenText(vocab.Ġab!)).toBe(' ab');
    expect(tokenizer.tokenText(vocab.Ù!)).toBe('Ù');
    expect(tokenizer.decode([vocab.Ù!, vocab['£']!])).toBe('٣');
    expect(tokenizer.decode([])).toBe('');
    expect(() => tokenizer.decode([99])).toThrow(errorWith('token-out-of-range', { token: 99, size: 13 }));
    expect(() => tokenizer.encode('a', { bos: true })).toThrow(errorWith('no-bos-token'));
  });

  it('makes do with vocab.json and merges.txt', () => {
    write('tokenizer.json', tiny());
    const expected = loadTokenizer(folder).encode('ab ab12ba٣٤');
    rmSync(join(folder, 'tokenizer.json'));
    write('vocab.json', vocab);
    write('merges.txt', `#version: 0.2\n${MERGES.map((pair) => pair.join(' ')).join('\n')}\n`);
    expect(loadTokenizer(folder).encode('ab ab12ba٣٤')).toEqual(expected);
    expect(expected).toContain(vocab.Ġab);
    write('merges.txt', 'a b\nb 2\n');
    expect(() => loadTokenizer(folder)).toThrow(
      errorWith('invalid-tokenizer', { path: join(folder, 'merges.txt'), line: 2 }),
    );
  });

  it('refuses files that are missing or broken', () => {
    expect(() => loadTokenizer(folder)).toThrow(errorWith('no-tokenizer', { model: folder }));
    write('tokenizer.json', '{');
    expect(() => loadTokenizer(folder)).toThrow(/tokenizer.json is not a JSON file/);
    write('tokenizer.json', {});
    expect(() => loadTokenizer(folder)).toThrow(/tokenizer.json: model is wrong/);
    write('tokenizer.json', tiny({ pre_tokenizer: { type: 'Unheard' } }));
    expect(() => loadTokenizer(folder)).toThrow(errorWith('invalid-tokenizer', { path: folder }));
  });
});
