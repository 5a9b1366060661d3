/**
 * @file The tokenizer.json of a model folder as an object that `@huggingface/tokenizers` can use; made from vocab.json and
 * merges.txt for folders of GPT-2's time.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import { fileError } from '@auto-circuit/core/run';
import { z } from 'zod';
import { parseConfig, readJson } from '../checkpoint/config.js';
import { addedTokenSchema, MOST_TOKENS, tokenId } from './added-tokens.js';

/**
 * By token its id; Unigram models: tokens with their scores, in the order of ids. Looked through by hand: a schema for each of
 * some hundred thousand entries takes as long as all the rest.
 */
const vocabularySchema = z.unknown().superRefine((vocabulary, { addIssue }) => {
  const refuse = (path: PropertyKey[], expected: string): void => addIssue({ code: 'custom', path, message: expected });
  if (Array.isArray(vocabulary)) {
    const wrong = vocabulary.findIndex((entry) => !isScored(entry));
    if (wrong >= 0) refuse([wrong], 'expected a token with its score');
  } else if (typeof vocabulary === 'object' && vocabulary !== null) {
    const wrong = Object.entries(vocabulary).find(([, id]) => !isTokenId(id));
    if (wrong) refuse([wrong[0]], `expected a whole number from 0 to ${MOST_TOKENS - 1} as id`);
  } else refuse([], 'expected ids by token, or a list of tokens with their scores');
});
const isScored = (entry: unknown): boolean =>
  Array.isArray(entry) && typeof entry[0] === 'string' && typeof entry[1] === 'number';
const isTokenId = (id: unknown): boolean => Number.isInteger(id) && (id as number) >= 0 && (id as number) < MOST_TOKENS;

const tokenizerSchema = z.looseObject({
  model: z.looseObject({
    type: z.string().nullish(),
    vocab: vocabularySchema,
    unk_token: z.string().nullish(),
    unk_id: tokenId.nullish(),
    byte_fallback: z.boolean().nullish(),
  }),
  added_tokens: z.array(addedTokenSchema).default([]),
  normalizer: z.unknown(),
  pre_tokenizer: z.looseObject({ type: z.string() }).nullish(),
  post_processor: z.unknown(),
  decoder: z.unknown(),
});
/** What tokenizer.json holds, as far as it is looked at here. */
export type TokenizerJson = z.output<typeof tokenizerSchema>;

/**
 * Reads the folder's tokenizer.
 * @throws AutoCircuitError when there is none, or its files are broken
 */
export function readTokenizerJson(folder: string): TokenizerJson {
  const path = join(folder, 'tokenizer.json');
  if (existsSync(path)) return parseConfig(tokenizerSchema, readJson(path), path);
  const [vocab, merges] = [join(folder, 'vocab.json'), join(folder, 'merges.txt')];
  if (existsSync(vocab) && existsSync(merges)) return byteLevelTokenizer(vocab, merges);
  throw new AutoCircuitError({
    code: 'no-tokenizer',
    fields: { model: folder },
    where: 'tokenizer',
    what: `${folder} has no tokenizer`,
    expected: 'tokenizer.json, or vocab.json and merges.txt',
    fix: 'copy tokenizer.json there, or give prompts as token ids',
  });
}

const GPT2_SPECIAL = '<|endoftext|>';
/** A space as byte-level vocabularies write it. */
const BYTE_SPACE = '\u0120';

function byteLevelTokenizer(vocabPath: string, mergesPath: string): TokenizerJson {
  const vocab = parseConfig(z.record(z.string(), tokenId), readJson(vocabPath), vocabPath);
  if (!Object.hasOwn(vocab, BYTE_SPACE)) {
    throw new AutoCircuitError({
      code: 'invalid-tokenizer',
      fields: { path: vocabPath },
      where: 'tokenizer',
      what: `${vocabPath} is not a byte-level vocabulary`,
      expected: `a token "${BYTE_SPACE}" for the space`,
      fix: 'copy the model’s tokenizer.json next to it',
    });
  }
  const special = vocab[GPT2_SPECIAL];
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return tokenizerSchema.parse({
    version: '1.0',
    added_tokens:
      special === undefined ? [] : [{ id: special, content: GPT2_SPECIAL, special: true, normalized: true }],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: { type: 'BPE', vocab, merges: readMerges(mergesPath, vocab) },
  });
}

/** Pairs of tokens, the first ones merged first; the file may begin with a line `#version: …`. */
function readMerges(path: string, vocab: Readonly<Record<string, number>>): [string, string][] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw fileError('tokenizer', 'read', path, cause);
  }
  const lines = text.split(/\r?\n/).map((line, i): [string, number] => [line, i + 1]);
  return lines
    .filter(([line, number]) => line !== '' && !(number === 1 && line.startsWith('#version')))
    .map(([line, number]) => {
      const [left, right, ...rest] = line.split(' ');
      if (left && right && rest.length === 0 && Object.hasOwn(vocab, left + right)) return [left, right];
      throw new AutoCircuitError({
        code: 'invalid-tokenizer',
        fields: { path, line: number },
        where: 'tokenizer',
        what: `${path} line ${number} is not a merge`,
        expected: 'two tokens separated by a space, whose concatenation is in vocab.json',
        got: JSON.stringify(line.slice(0, 60)),
      });
    });
}
