/**
 * @file Tokens to text as Hugging Face's Rust library writes it. The JavaScript library differs in a byte order mark made of
 * bytes, in spaces of the first token under `Metaspace`, and in added tokens among bytes.
 */
import { z } from 'zod';
import { BYTE_NAMES, patternSchema, tokenizerPattern } from './pre-tokenizers.js';

/** Tokens of a text, joined or written otherwise. */
type Decoder = (tokens: readonly string[]) => readonly string[];

const decoderSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ByteLevel') }),
  z.object({
    type: z.literal('Metaspace'),
    replacement: z.string().default('\u2581'),
    prepend_scheme: z.enum(['always', 'first', 'never']).default('always'),
    add_prefix_space: z.boolean().nullish(),
  }),
  z.object({ type: z.literal('Replace'), pattern: patternSchema, content: z.string() }),
  z.object({ type: z.literal('ByteFallback') }),
  z.object({ type: z.literal('Fuse') }),
  z.object({ type: z.literal('Strip'), content: z.string(), start: z.number().int(), stop: z.number().int() }),
  z.object({ type: z.literal('Sequence'), decoders: z.array(z.unknown()) }),
]);
type Config = z.output<typeof decoderSchema>;

/**
 * What joins the tokens of a tokenizer.json to text; null for a kind that the library is left to (WordPiece, CTC, …). Without
 * a decoder there are spaces between tokens.
 */
export function tokenJoiner(json: unknown): ((tokens: readonly string[]) => string) | null {
  if (json === null || json === undefined) return (tokens) => tokens.join(' ');
  const decode = decoderOf(json);
  return decode === null ? null : (tokens) => decode(tokens).join('');
}

function decoderOf(json: unknown): Decoder | null {
  const parsed = decoderSchema.safeParse(json);
  return parsed.success ? decoderFor(parsed.data) : null;
}

function decoderFor(config: Config): Decoder | null {
  switch (config.type) {
    case 'ByteLevel':
      return (tokens) => [lossy.decode(Uint8Array.from(tokens.flatMap(bytesOf)))];
    case 'Metaspace': {
      const { replacement, prepend_scheme, add_prefix_space } = config;
      const writesFirst = prepend_scheme === 'never' || add_prefix_space === false;
      return (tokens) => tokens.map((token, i) => token.replaceAll(replacement, i === 0 && !writesFirst ? '' : ' '));
    }
    case 'Replace': {
      const pattern = tokenizerPattern(config.pattern);
      return (tokens) => tokens.map((token) => token.replaceAll(pattern, () => config.content));
    }
    case 'ByteFallback':
      return joinedBytes;
    case 'Fuse':
      return (tokens) => [tokens.join('')];
    case 'Strip':
      return (tokens) => tokens.map((token) => stripped(token, config.content, config.start, config.stop));
    case 'Sequence': {
      const steps = config.decoders.map(decoderOf);
      return steps.every((step) => step !== null)
        ? (tokens) => steps.reduce<readonly string[]>((list, step) => step(list), tokens)
        : null;
    }
  }
}

const lossy = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
const utf8 = new TextEncoder();
const BYTE_OF: ReadonlyMap<string, number> = new Map(BYTE_NAMES.map((name, byte) => [name, byte]));

/** The bytes that a token names; of one with other characters (an added token) those of its text. */
function bytesOf(token: string): number[] {
  const bytes = Array.from(token, (name) => BYTE_OF.get(name));
  return bytes.every((byte) => byte !== undefined) ? bytes : [...utf8.encode(token)];
}

/** Bytes in a row (`<0xE2>`) as the text that they are, or a replacement character each where they are none. */
function joinedBytes(tokens: readonly string[]): string[] {
  const out: string[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length > 0) for (const text of textOf(bytes)) out.push(text);
    bytes = [];
  };
  for (const token of tokens) {
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
    if (byte !== undefined) bytes.push(Number.parseInt(byte, 16));
    else {
      flush();
      out.push(token);
    }
  }
  flush();
  return out;
}

function textOf(bytes: readonly number[]): string[] {
  try {
    return [strict.decode(Uint8Array.from(bytes))];
  } catch {
    return bytes.map(() => '\ufffd');
  }
}

/** At most so many of a character taken away at each end. */
function stripped(text: string, content: string, start: number, stop: number): string {
  if (content === '') return text;
  let [from, to] = [0, text.length];
  for (let n = 0; n < start && text.startsWith(content, from); n++) from += content.length;
  for (let n = 0; n < stop && to - content.length >= from && text.slice(0, to).endsWith(content); n++)
    to -= content.length;
  return text.slice(from, to);
}
