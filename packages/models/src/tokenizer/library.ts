/** @file What is used of `@huggingface/tokenizers`, whose own types do not resolve in this kind of module. */
import { Tokenizer } from '@huggingface/tokenizers';

/** A tokenizer of the library. */
export interface LibraryTokenizer {
  readonly normalizer: { normalize(text: string): string } | null;
  readonly model: {
    /** The tokens of pieces, one after the other. */
    _call(pieces: readonly string[]): readonly string[];
    readonly tokens_to_ids: ReadonlyMap<string, number>;
  } | null;
  encode(text: string, options?: { readonly add_special_tokens: boolean }): { readonly ids: readonly number[] };
  decode(
    ids: readonly number[],
    options: { readonly skip_special_tokens: boolean; readonly clean_up_tokenization_spaces: boolean },
  ): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
  get_vocab(withAddedTokens: boolean): ReadonlyMap<string, number>;
}

/**
 * The library's tokenizer.
 * @param json the content of tokenizer.json; `settings` that of tokenizer_config.json
 * @throws Error for what it cannot use
 */
export const libraryTokenizer = (json: object, settings: object): LibraryTokenizer => new Tokenizer(json, settings);

/** A regular expression of Oniguruma, which tokenizer.json has, as the library writes it in JavaScript. */
export function libraryPattern(source: string): RegExp {
  const nothing = { model: { type: 'WordLevel', vocab: {} }, added_tokens: [] };
  const steps = { decoder: null, post_processor: null, normalizer: null };
  const pre_tokenizer = { type: 'Split', pattern: { Regex: source }, behavior: 'Isolated', invert: false };
  const made: { readonly pre_tokenizer: { readonly pattern: RegExp } } = new Tokenizer(
    { ...nothing, ...steps, pre_tokenizer },
    {},
  );
  return made.pre_tokenizer.pattern;
}
