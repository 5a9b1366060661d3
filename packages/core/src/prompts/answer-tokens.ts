/** @file What an answer is in tokens: what it adds to its prompt. A tokenizer may see it otherwise where it stands alone. */
import type { TextEncoder } from './text-encoder.js';

/** A prompt's text, and its tokens without BOS. */
export interface EncodedText {
  readonly text: string;
  readonly ids: readonly number[];
}

/** Tokens of a text inside a prompt: without BOS. */
const tokensOf = (encoder: TextEncoder, text: string): readonly number[] => encoder.encode(text, { bos: false });

/** Tokens at the end of a prompt that say how what follows them reads. */
const CONTEXT = 4;

/**
 * The tokens that `encode(prompt + answer)` adds to `encode(prompt)`. SentencePiece puts `▁` before a text that stands alone,
 * so there `" Mary"` is one token after a prompt and two alone. A token that reads as the answer where it follows the prompt
 * is taken as it is, which for byte-level tokenizers is always what is added; it is also taken where the tokenizer would join
 * the answer with the end of the prompt, or does not tell `Mary` from ` Mary`.
 * @param seen what was found before with this encoder, for callers that ask for the same answers of many prompts
 * @returns one token where the answer is one, else several, or none
 */
export function answerTokensAfter(
  encoder: TextEncoder,
  prompt: EncodedText,
  answer: string,
  seen: Map<string, AnswerAlone> = new Map(),
): readonly number[] {
  const before = prompt.ids.slice(-CONTEXT);
  const key = `${before.join(' ')} ${answer}`;
  const { ids: alone, readsAsIs } = seen.get(key) ?? answerAlone(encoder, before, answer);
  seen.set(key, { ids: alone, readsAsIs });
  if (readsAsIs) return alone;
  const added = tokensAdded(encoder, prompt, answer);
  if (added?.length === 1) return added;
  // the tokenizer drops a space before the first word, or writes one itself
  const spaced = alone.length === 1 && !/^\s/.test(answer) ? tokensAdded(encoder, prompt, ` ${answer}`) : null;
  if (spaced?.length === 1 && spaced[0] === alone[0]) return alone;
  return added ?? alone;
}

/** An answer's tokens where it stands alone. */
export interface AnswerAlone {
  readonly ids: readonly number[];
  /** Whether it is one token, which reads as the answer where it follows the prompt. */
  readonly readsAsIs: boolean;
}

function answerAlone(encoder: TextEncoder, before: readonly number[], answer: string): AnswerAlone {
  const ids = tokensOf(encoder, answer);
  const isOne = ids.length === 1 && ids[0] !== encoder.unkId;
  return { ids, readsAsIs: isOne && encoder.decode([...before, ...ids]) === encoder.decode(before) + answer };
}

/** What a text adds to a prompt; null where the tokens of the prompt do not stay what they were. */
function tokensAdded(encoder: TextEncoder, { text, ids }: EncodedText, answer: string): readonly number[] | null {
  const whole = tokensOf(encoder, text + answer);
  return whole.length > ids.length && ids.every((id, i) => whole[i] === id) ? whole.slice(ids.length) : null;
}

/** Ends after which a further word begins with a space. */
const BEFORE_A_SPACE = /[\p{L}\p{N},.;:?!]$/u;
/** A word of several letters: what is meant by fewer may be an ending. */
const WORD = /^\p{L}{2,}/u;

/**
 * The same answer with a space before it, where that is one known token and likelier to be meant: a word, after a prompt that
 * ends in a word or a punctuation mark. Else null.
 */
export function likelierAnswer(
  encoder: TextEncoder,
  prompt: EncodedText,
  answer: string,
): { readonly text: string; readonly token: number } | null {
  if (!WORD.test(answer) || !BEFORE_A_SPACE.test(prompt.text)) return null;
  const text = ` ${answer}`;
  const [token, ...more] = answerTokensAfter(encoder, prompt, text);
  return token !== undefined && more.length === 0 && token !== encoder.unkId ? { text, token } : null;
}

/** Why an answer is several tokens, and what would be one: advice for a person. */
export function answerAdvice(encoder: TextEncoder, prompt: EncodedText, answer: string): string {
  const spaced = likelierAnswer(encoder, prompt, answer);
  if (spaced !== null) return `write ${JSON.stringify(spaced.text)}, with the space before it, which is one token`;
  const bare = answer.trimStart();
  const spacedPrompt = `${prompt.text} `;
  const after = { text: spacedPrompt, ids: tokensOf(encoder, spacedPrompt) };
  if (bare !== answer && bare !== '' && answerTokensAfter(encoder, after, bare).length === 1) {
    return `this tokenizer has a token of its own for the space: end the prompts with a space and answer ${JSON.stringify(bare)}`;
  }
  return 'choose an answer that is one token after this prompt';
}

/** The first word of a text that the tokenizer does not know; null where it knows all, or the text itself has the token. */
export function unknownWord(encoder: TextEncoder, { text, ids }: EncodedText): string | null {
  const { unkId = null } = encoder;
  if (unkId === null || !ids.includes(unkId)) return null;
  const name = encoder.decode([unkId]).trim();
  const words = text.split(/\s+/).filter((word) => word !== '' && (name === '' || !word.includes(name)));
  return words.find((word) => tokensOf(encoder, ` ${word}`).includes(unkId)) ?? null;
}
