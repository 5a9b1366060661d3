/**
 * @file Pre-tokenizers as Hugging Face's Rust library has them: text in pieces that the model then cuts one by one. The
 * JavaScript library differs in `Metaspace` (never splits), `Punctuation`, `Split` (two behaviors of five) and `Digits`.
 */
import { AutoCircuitError } from '@auto-circuit/core/plugin';
import { z } from 'zod';
import { libraryPattern } from './library.js';
import { type Piece, type SplitBehavior, splitBehavior, splitPiece } from './split-text.js';

/** Pieces of a text, cut further or written otherwise. */
export type PreTokenizer = (pieces: readonly Piece[]) => readonly Piece[];

/** A pattern as tokenizer.json writes it. */
export const patternSchema = z.union([z.object({ Regex: z.string() }), z.object({ String: z.string() })]);
/** Pre-tokenizers as tokenizer.json writes them. */
const preTokenizerSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('Metaspace'),
    replacement: z.string().default('\u2581'),
    prepend_scheme: z.enum(['always', 'first', 'never']).default('always'),
    add_prefix_space: z.boolean().nullish(),
    split: z.boolean().nullish(),
  }),
  z.object({
    type: z.literal('ByteLevel'),
    add_prefix_space: z.boolean().default(true),
    use_regex: z.boolean().default(true),
  }),
  z.object({
    type: z.literal('Split'),
    pattern: patternSchema,
    behavior: z.string(),
    invert: z.boolean().default(false),
  }),
  z.object({ type: z.literal('Punctuation'), behavior: z.string().default('Isolated') }),
  z.object({ type: z.literal('Digits'), individual_digits: z.boolean().default(false) }),
  z.object({ type: z.literal('CharDelimiterSplit'), delimiter: z.string() }),
  z.object({ type: z.literal('FixedLength'), length: z.number().int().positive().default(5) }),
  z.object({ type: z.literal('Whitespace') }),
  z.object({ type: z.literal('WhitespaceSplit') }),
  z.object({ type: z.literal('BertPreTokenizer') }),
  z.object({ type: z.literal('Sequence'), pretokenizers: z.array(z.unknown()) }),
]);
type Config = z.output<typeof preTokenizerSchema>;
type ConfigOf<T extends Config['type']> = Extract<Config, { readonly type: T }>;

const SPACE = /\p{White_Space}/gu;
const NUMBER = /\p{N}/gu;
/** ASCII punctuation and symbols, and Unicode punctuation. */
const PUNCTUATION = /[!-/:-@[-`{-~\p{P}]/gu;
const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';
const WORDS = new RegExp(`[${WORD}]+|[^${WORD}\\p{White_Space}]+`, 'gu');
/** GPT-2's words; \s of JavaScript is another set than Unicode's White_Space. */
const GPT2_WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

const splitting =
  (by: RegExp, behavior: SplitBehavior, invert = false): PreTokenizer =>
  (pieces) =>
    pieces.flatMap((piece) => splitPiece(piece, by, behavior, invert));
const rewriting =
  (rewrite: (piece: Piece) => string): PreTokenizer =>
  (pieces) =>
    pieces.map((piece) => ({ ...piece, text: rewrite(piece) }));
const inTurn =
  (...steps: readonly PreTokenizer[]): PreTokenizer =>
  (pieces) =>
    steps.reduce((list, step) => step(list), pieces);

const KINDS: { readonly [T in Config['type']]: (config: ConfigOf<T>) => PreTokenizer } = {
  Metaspace: metaspace,
  ByteLevel: byteLevel,
  Split: ({ pattern: by, behavior, invert }) => splitting(tokenizerPattern(by), splitBehavior(behavior), invert),
  Punctuation: ({ behavior }) => splitting(PUNCTUATION, splitBehavior(behavior)),
  Digits: ({ individual_digits: each }) => splitting(NUMBER, each ? 'isolated' : 'contiguous'),
  CharDelimiterSplit: ({ delimiter }) => splitting(tokenizerPattern({ String: delimiter }), 'removed'),
  FixedLength: ({ length }) => splitting(new RegExp(`[\\s\\S]{1,${length}}`, 'gu'), 'isolated'),
  Whitespace: () => splitting(WORDS, 'removed', true),
  WhitespaceSplit: () => splitting(SPACE, 'removed'),
  BertPreTokenizer: () => inTurn(splitting(SPACE, 'removed'), splitting(PUNCTUATION, 'isolated')),
  Sequence: ({ pretokenizers }) => inTurn(...pretokenizers.map(preTokenizer)),
};

/**
 * A pre-tokenizer from tokenizer.json; null, where it has none, leaves texts as they are.
 * @throws AutoCircuitError `invalid-tokenizer` for a kind that is not known here, or settings that it cannot have
 */
export function preTokenizer(json: unknown): PreTokenizer {
  if (json === null || json === undefined) return (pieces) => pieces;
  const parsed = preTokenizerSchema.safeParse(json);
  if (parsed.success) return made(parsed.data);
  const type = z.looseObject({ type: z.string() }).safeParse(json).data?.type;
  throw new AutoCircuitError({
    code: 'invalid-tokenizer',
    fields: { preTokenizer: type },
    where: 'tokenizer',
    what: `the pre-tokenizer "${type}" is unknown, or has invalid settings`,
    expected: `one of ${Object.keys(KINDS).join(', ')}`,
    fix: 'give prompts as token ids',
  });
}

/** TypeScript cannot see that a kind's own function gets a config of its kind: here it can, one kind at a time. */
const made = <T extends Config['type']>(config: ConfigOf<T> & { readonly type: T }): PreTokenizer =>
  KINDS[config.type](config);

function metaspace({ replacement, prepend_scheme, add_prefix_space, split }: ConfigOf<'Metaspace'>): PreTokenizer {
  const prepends = (first: boolean): boolean =>
    add_prefix_space !== false && (prepend_scheme === 'always' || (prepend_scheme === 'first' && first));
  const written = rewriting(({ text, first }) => {
    const marked = text.replaceAll(' ', replacement);
    return prepends(first) && !marked.startsWith(replacement) ? replacement + marked : marked;
  });
  return (split ?? true)
    ? inTurn(written, splitting(tokenizerPattern({ String: replacement }), 'mergedwithnext'))
    : written;
}

function byteLevel({ add_prefix_space, use_regex }: ConfigOf<'ByteLevel'>): PreTokenizer {
  const prefixed = rewriting(({ text }) => (add_prefix_space && !text.startsWith(' ') ? ` ${text}` : text));
  const split: PreTokenizer = use_regex ? splitting(GPT2_WORDS, 'isolated') : (pieces) => pieces;
  return inTurn(
    prefixed,
    split,
    rewriting(({ text }) => byteNames(text)),
  );
}

/** GPT-2's names of bytes: printable ones stand for themselves, the others are counted on from U+0100. */
export const BYTE_NAMES: readonly string[] = (() => {
  let next = 0x100;
  const isPrintable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
})();
const utf8 = new TextEncoder();
const byteNames = (text: string): string => Array.from(utf8.encode(text), (byte) => BYTE_NAMES[byte]).join('');

/** A pattern of tokenizer.json; the library knows how regular expressions of Oniguruma read in JavaScript. */
export function tokenizerPattern(by: z.output<typeof patternSchema>): RegExp {
  if ('String' in by) return new RegExp(by.String.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'gu');
  return libraryPattern(by.Regex);
}
