/**
 * @file Text to token ids and back, as the model's own tokenizer has it.
 *
 * @example
 * const tokenizer = loadTokenizer('models/gpt2');
 * tokenizer.encode('Hello world', { bos: tokenizer.addsBos }); // [15496, 995]
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AutoCircuitError, type TextEncoder } from '@auto-circuit/core/plugin';
import { z } from 'zod';
import { parseConfig, readJson } from '../checkpoint/config.js';
import { tokenJoiner } from './decoders.js';
import { normalizedTokens, textEncoding, unknownId } from './encode-text.js';
import { type LibraryTokenizer, libraryTokenizer } from './library.js';
import { type Watch, watchFor } from './time-limit.js';
import { readTokenizerJson, type TokenizerJson } from './tokenizer-json.js';

/** A model's tokenizer. */
export interface ModelTokenizer extends TextEncoder {
  /**
   * Token ids of a text. No other special tokens are added.
   * @throws AutoCircuitError when `bos` is asked for and there is none
   */
  encode(text: string, options?: { readonly bos: boolean }): number[];
  /**
   * The text of some tokens, special ones included, nothing tidied.
   * @throws AutoCircuitError for an id outside the vocabulary
   */
  decode(ids: readonly number[]): string;
  readonly bosId: number | null;
  /** The token that stands for what is not in the vocabulary; null where there is none, as in byte-level tokenizers. */
  readonly unkId: number | null;
  readonly eosId: number | null;
  /** Whether the tokenizer puts BOS before a text of its own accord. */
  readonly addsBos: boolean;
  /** One token for display: its text, or its name in the vocabulary when it is only some bytes of a character. */
  tokenText(id: number): string;
  /** The largest id + 1. */
  readonly size: number;
}

const tokenName = z.union([z.string(), z.looseObject({ content: z.string() })]).nullish();
const settingsSchema = z.looseObject({
  bos_token: tokenName,
  eos_token: tokenName,
  add_bos_token: z.boolean().nullish(),
});
const idSchema = z.union([z.number().int(), z.array(z.number().int())]).nullish();
const modelConfigSchema = z.looseObject({ bos_token_id: idSchema, eos_token_id: idSchema });

/**
 * Loads a model folder's tokenizer.
 * @throws AutoCircuitError when the folder has none, or it is broken or of a kind that is not supported
 */
export function loadTokenizer(folder: string): ModelTokenizer {
  const json = readTokenizerJson(folder);
  const settings = readOptional(folder, 'tokenizer_config.json', settingsSchema);
  const names = readOptional(folder, 'special_tokens_map.json', settingsSchema);
  const { bos_token_id, eos_token_id } = readOptional(folder, 'config.json', modelConfigSchema);
  const ids = { bos: bos_token_id, eos: eos_token_id };
  return usable(folder, () => {
    const built = build(json, { ...settings, clean_up_tokenization_spaces: false }, watchFor(folder, json));
    const idOf = (kind: 'bos' | 'eos'): number | null => {
      const name = contentOf(settings[`${kind}_token`]) ?? contentOf(names[`${kind}_token`]);
      if (name !== undefined) return built.tokenizer.token_to_id(name) ?? null;
      const first = [ids[kind]].flat()[0];
      return first !== undefined && first !== null && built.tokenizer.id_to_token(first) !== undefined ? first : null;
    };
    const [bosId, eosId] = [idOf('bos'), idOf('eos')];
    const addsBos = addsBosOf(built, settings, bosId);
    return modelTokenizer(folder, built, { bosId, eosId, addsBos, unkId: unknownId(built.tokenizer, json) });
  });
}

/** What the library or a file of its own kind throws is a sentence about the file. */
function usable<T>(folder: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof AutoCircuitError && cause.fields.path === folder) throw cause;
    throw new AutoCircuitError({
      code: 'invalid-tokenizer',
      fields: { path: folder },
      where: 'tokenizer',
      what: `the tokenizer of ${folder} cannot be used`,
      got: cause instanceof Error ? cause.message : String(cause),
      fix: 'give prompts as token ids',
      cause,
    });
  }
}

type KnownIds = Pick<ModelTokenizer, 'bosId' | 'eosId' | 'unkId' | 'addsBos'>;

function modelTokenizer(folder: string, built: BuiltTokenizer, known: KnownIds): ModelTokenizer {
  const { tokenizer, encodePlain, join, watch } = built;
  const size = [...tokenizer.get_vocab(true).values()].reduce((largest, id) => Math.max(largest, id), -1) + 1;
  const plain = (text: string): number[] => usable(folder, () => watch(text, () => encodePlain(text)));
  const decode = (ids: readonly number[]): string => {
    const unknown = ids.find((id) => tokenizer.id_to_token(id) === undefined);
    if (unknown !== undefined) {
      throw new AutoCircuitError({
        code: 'token-out-of-range',
        fields: { token: unknown, size },
        where: 'tokenizer',
        what: `${folder} has no token ${unknown}`,
        expected: `ids from 0 to ${size - 1}`,
      });
    }
    if (ids.length === 0) return '';
    return usable(folder, () => watch('', () => join(ids)));
  };
  return Object.freeze({
    ...known,
    encode: (text: string, { bos }: { readonly bos: boolean } = { bos: known.addsBos }) => {
      if (!bos) return plain(text);
      if (known.bosId === null) {
        throw new AutoCircuitError({
          code: 'no-bos-token',
          fields: { path: folder },
          where: 'tokenizer',
          what: `${folder} has no BOS token`,
          fix: 'encode without BOS',
        });
      }
      return [known.bosId, ...plain(text)];
    },
    decode,
    tokenText: (id: number) => {
      const text = decode([id]);
      const name = tokenizer.id_to_token(id)!;
      if (text.includes('\ufffd') || text === '') return name;
      // SentencePiece decoders drop the space before the first word of a text
      return name.startsWith('\u2581') && !text.startsWith(' ') ? ` ${text}` : text;
    },
    size,
  });
}

/** `add_bos_token` decides where it is set, else what the post-processor does with a text. */
function addsBosOf(
  { tokenizer, watch }: BuiltTokenizer,
  settings: z.output<typeof settingsSchema>,
  bosId: number | null,
): boolean {
  if (bosId === null) return false;
  if (typeof settings.add_bos_token === 'boolean') return settings.add_bos_token;
  const firstOf = (add_special_tokens: boolean): number | undefined =>
    watch('a', () => tokenizer.encode('a', { add_special_tokens }).ids[0]);
  return firstOf(true) === bosId && firstOf(false) !== bosId;
}

interface BuiltTokenizer {
  readonly tokenizer: LibraryTokenizer;
  readonly encodePlain: (text: string) => number[];
  /** The text of tokens that there are. */
  readonly join: (ids: readonly number[]) => string;
  readonly watch: Watch;
}

/** The library's tokenizer without its pre-tokenizer, in place of which stands ours. */
function build(json: TokenizerJson, settings: object, watch: Watch): BuiltTokenizer {
  const tokenizer = libraryTokenizer({ ...json, pre_tokenizer: null }, settings);
  const joiner = tokenJoiner(json.decoder);
  const written = watch('', () => normalizedTokens(tokenizer, json));
  const join = (ids: readonly number[]): string =>
    joiner
      ? joiner(ids.map((id) => written.get(id) ?? tokenizer.id_to_token(id) ?? ''))
      : tokenizer.decode([...ids], { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  return { tokenizer, encodePlain: watch('', () => textEncoding(tokenizer, json)), join, watch };
}

function readOptional<S extends z.ZodType>(folder: string, name: string, schema: S): z.output<S> {
  const path = join(folder, name);
  return parseConfig(schema, existsSync(path) ? readJson(path) : {}, path);
}

const contentOf = (token: z.output<typeof tokenName>): string | undefined =>
  typeof token === 'object' && token !== null ? token.content : (token ?? undefined);
