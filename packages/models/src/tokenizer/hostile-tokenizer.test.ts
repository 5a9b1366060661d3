/** @file Tokenizers that would fill the memory, never end, or break the library: each is a sentence that names the folder. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePromptFile, tokenizePrompts } from '@auto-circuit/core';
import type { AutoCircuitError } from '@auto-circuit/core/plugin';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorWith } from '../testing/error-matcher.js';
import { loadTokenizer } from './tokenizer.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hostile-tokenizer-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
const VOCABULARY = { a: 0, b: 1, Ġ: 2, ab: 3 };
const own = (changes: Record<string, unknown> = {}, model: Record<string, unknown> = {}) => {
  const json = {
    ...{ version: '1.0', added_tokens: [], normalizer: null, pre_tokenizer: byteLevel },
    ...{ post_processor: null, decoder: byteLevel },
    model: { type: 'BPE', vocab: VOCABULARY, merges: [['a', 'b']], ...model },
    ...changes,
  };
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(json));
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ model_type: 'gpt2', bos_token_id: 0 }));
  return () => loadTokenizer(folder);
};
const split = (Regex: string) => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false });
const fields = (error: unknown) => (error as AutoCircuitError).fields;

describe('ids', () => {
  it.each([2 ** 31 - 1, 2 ** 24, 1.5, -1, 2 ** 60, 'x', null])('%s in the vocabulary is refused', (id) => {
    expect(own({}, { vocab: { ...VOCABULARY, c: id } })).toThrow(
      errorWith('invalid-file', { path: join(folder, 'tokenizer.json'), key: expect.stringContaining('model.vocab') }),
    );
  });

  it.each([2 ** 31 - 1, 0.5, -1])('%s of an added token is refused', (id) => {
    expect(own({ added_tokens: [{ id, content: '<s>' }] })).toThrow(
      errorWith('invalid-file', { key: expect.any(String) }),
    );
  });

  it('up to the limit cost no memory by themselves', () => {
    const before = process.memoryUsage().heapUsed;
    expect(own({}, { vocab: { ...VOCABULARY, c: 2 ** 24 - 1 } })().encode('ab', { bos: false })).toEqual([3]);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(500 * 2 ** 20);
  });

  it('of lists that are none are refused', () => {
    for (const vocab of [[['a']], [null], 'a', 5, null, [['a', 'b']]]) {
      expect(own({}, { type: 'Unigram', vocab })).toThrow(errorWith('invalid-file', { key: expect.any(String) }));
    }
  });
});

describe('patterns that never end', () => {
  const text = `${'a'.repeat(60)}!`;
  const within = (work: () => unknown): number => {
    const started = performance.now();
    expect(work).toThrow(errorWith('invalid-tokenizer', { path: folder, milliseconds: expect.any(Number) }));
    return performance.now() - started;
  };

  it('in the pre-tokenizer, the normalizer and the decoder are broken off', () => {
    const encode = own({ pre_tokenizer: split('^(a+)+$') })();
    expect(within(() => encode.encode(text, { bos: false }))).toBeLessThan(4000);
    expect(encode.encode('ab', { bos: false })).toEqual([3]); // and the next text is read all the same
    const normalizer = { type: 'Replace', pattern: { Regex: '^(a|a)*$' }, content: 'b' };
    const normalize = own({ normalizer })();
    expect(within(() => normalize.encode(text, { bos: false }))).toBeLessThan(4000);
    const decoder = { type: 'Replace', pattern: { Regex: '^(a+)+$' }, content: 'b' };
    const decode = own({ decoder, pre_tokenizer: null }, { vocab: { ...VOCABULARY, [text]: 4 }, merges: [] })();
    expect(within(() => decode.decode([4]))).toBeLessThan(4000);
  });

  it('are no matter of one prompt: they are not skipped one by one', () => {
    const tokenizer = own({ pre_tokenizer: split('^(a+)+$') })();
    const prompts = Array.from({ length: 50 }, () => ({ clean: text, corrupt: text, answers: ['b'] }));
    const file = parsePromptFile(JSON.stringify({ prompts }), 'p.json');
    expect(within(() => tokenizePrompts(file, tokenizer, { bos: false, unfit: 'skip' }))).toBeLessThan(4000);
  });

  it('runs of spaces before a token that takes them do not take the square of their length for ever', () => {
    const token = { id: 4, content: '<x>', lstrip: true, rstrip: true, special: true };
    const tokenizer = own({ added_tokens: [token] })();
    const started = performance.now();
    try {
      tokenizer.encode(`${' '.repeat(300_000)}a<x>`, { bos: false });
    } catch (error) {
      expect(fields(error)).toMatchObject({ path: folder });
    }
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  it('stripping nothing any number of times ends', () => {
    const decoder = { type: 'Strip', content: '', start: 2 ** 50, stop: 2 ** 50 };
    expect(own({ decoder })().decode([0])).toBe('a');
  });
});

describe('parts that are none', () => {
  const broken: Record<string, unknown>[] = [
    { post_processor: { type: 'TemplateProcessing', single: null } },
    { post_processor: { type: 'TemplateProcessing' } },
    { post_processor: { type: 'Unheard' } },
    { post_processor: 5 },
    { post_processor: { type: 'Sequence', processors: [null] } },
    { post_processor: { type: 'RobertaProcessing' } },
    { normalizer: { type: 'Replace' } },
    { normalizer: { type: 'Sequence', normalizers: null } },
    { normalizer: { type: 'constructor' } },
    { pre_tokenizer: { type: 'constructor' } },
    { pre_tokenizer: split('(') },
    { pre_tokenizer: { type: 'Sequence', pretokenizers: [5] } },
    { decoder: { type: '__proto__' } },
    { added_tokens: [{ id: 4 }] },
    { model: { type: 'BPE', vocab: VOCABULARY } },
    { model: { type: 'BPE', vocab: VOCABULARY, merges: [5] } },
    { model: { type: 'constructor', vocab: VOCABULARY } },
  ];

  it.each(broken.map((changes) => [JSON.stringify(changes), changes]))('%s', (_, changes) => {
    // either it is refused when it is loaded, or it works, or using it is refused
    const refused = (work: () => unknown): void => {
      try {
        work();
      } catch (error) {
        expect(error).toMatchObject({ name: 'AutoCircuitError', kind: 'user' });
      }
    };
    const load = own(changes as Record<string, unknown>);
    refused(() => {
      const tokenizer = load();
      refused(() => tokenizer.encode('ab ab'));
      refused(() => tokenizer.decode([0, 3]));
      refused(() => tokenizer.tokenText(2));
    });
  });
});
