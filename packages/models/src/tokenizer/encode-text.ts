/**
 * @file Text to token ids in the steps of Hugging Face's Rust library: added tokens, normalizer, added tokens again,
 * pre-tokenizer, model. Normalizer and model are those of the JavaScript library, the steps around them are ours.
 */
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import { type AddedToken, tokenFinder } from './added-tokens.js';
import type { LibraryTokenizer } from './library.js';
import { preTokenizer } from './pre-tokenizers.js';
import type { TokenizerJson } from './tokenizer-json.js';

/** The parts of a tokenizer.json that decide how text is cut. */
type EncodingJson = Pick<TokenizerJson, 'added_tokens' | 'pre_tokenizer' | 'model'>;

/**
 * How a tokenizer encodes a text, without special tokens of its own accord.
 * @param json what `tokenizer` was made of
 * @throws AutoCircuitError `invalid-tokenizer` for a pre-tokenizer that is not known here
 */
export function textEncoding(tokenizer: LibraryTokenizer, json: EncodingJson): (text: string) => number[] {
  const normalize = normalization(tokenizer);
  const tokens = json.added_tokens;
  const asWritten = tokenFinder(
    byContent(
      tokens.filter((token) => !isNormalized(token)),
      (text) => text,
    ),
  );
  const asNormalized = tokenFinder(byContent(tokens.filter(isNormalized), normalize));
  const cut = preTokenizer(json.pre_tokenizer);
  const idsOf = modelIds(tokenizer, json);
  return (text) =>
    asWritten({ text, first: true }).flatMap((section) => {
      if ('token' in section) return [section.token];
      return asNormalized({ ...section, text: normalize(section.text) }).flatMap((part) =>
        'token' in part ? [part.token] : cut(part.text === '' ? [] : [part]).flatMap(({ text: piece }) => idsOf(piece)),
      );
    });
}

const normalization =
  ({ normalizer }: LibraryTokenizer) =>
  (text: string): string =>
    normalizer === null ? text : normalizer.normalize(text);
const isNormalized = ({ normalized, special }: AddedToken): boolean => normalized ?? !special;

/** What added tokens that stand for normalized text are written as: normalized. */
export function normalizedTokens(tokenizer: LibraryTokenizer, json: EncodingJson): ReadonlyMap<number, string> {
  const normalize = normalization(tokenizer);
  return new Map(json.added_tokens.filter(isNormalized).map(({ id, content }) => [id, normalize(content)]));
}

const byContent = (tokens: readonly AddedToken[], written: (text: string) => string): Map<string, AddedToken> =>
  new Map(tokens.map((token) => [written(token.content), token]));

/** The id that stands for what is not in the vocabulary; null where the model has none. */
export function unknownId(tokenizer: LibraryTokenizer, { model }: EncodingJson): number | null {
  if (typeof model.unk_id === 'number') return model.unk_id;
  return typeof model.unk_token === 'string' ? (tokenizer.token_to_id(model.unk_token) ?? null) : null;
}

/**
 * The ids of a piece. What is unknown is joined within a piece only, and Unigram models with byte fallback write it in bytes:
 * the library does neither.
 */
function modelIds(tokenizer: LibraryTokenizer, json: EncodingJson): (piece: string) => number[] {
  const { model } = tokenizer;
  if (model === null) {
    throw new AutoCircuitError({ code: 'invalid-tokenizer', where: 'tokenizer', what: 'the tokenizer has no model' });
  }
  const unknown = unknownId(tokenizer, json);
  const bytes = json.model.byte_fallback === true;
  return (piece) =>
    model._call([piece]).flatMap((token) => {
      const id = model.tokens_to_ids.get(token);
      if (id !== undefined) return [id];
      return (bytes ? byteIds(token, model.tokens_to_ids) : null) ?? (unknown === null ? [] : [unknown]);
    });
}

const utf8 = new TextEncoder();

/** `<0xE2>` and so on; null where the vocabulary lacks one of them. */
function byteIds(text: string, ids: ReadonlyMap<string, number>): number[] | null {
  const found = Array.from(utf8.encode(text), (byte) =>
    ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
  );
  return found.every((id) => id !== undefined) ? found : null;
}
