/** @file One prompt of a file as token ids: both sides, and its answers as what they add to the clean side. */
import { AutoCircuitError } from '../errors/error.js';
import {
  type AnswerAlone,
  answerAdvice,
  answerTokensAfter,
  type EncodedText,
  likelierAnswer,
  unknownWord,
} from './answer-tokens.js';
import type { PromptFile, RawInput, RawPrompt, RawSides } from './prompt-file.js';
import type { PromptWarnings } from './prompt-warnings.js';
import type { TextEncoder } from './text-encoder.js';
import type { AnswerSides, Prompt } from './types.js';

/** What one prompt needs to know of the whole file. */
export interface PromptContext {
  readonly file: PromptFile;
  readonly encoder: TextEncoder | null;
  /** Whether prompts get BOS. */
  readonly bosAdded: boolean;
  /** Features for each position, where prompts are features. */
  readonly width: number | null;
  /** Prompts of another length are tokenized no further than their clean side. */
  readonly length: number | null;
  readonly warnings: PromptWarnings;
  /** Answers that other prompts had. */
  readonly answersSeen: Map<string, AnswerAlone>;
}

/** One side of a prompt: `ids` as the model takes them, and of a text its own tokens. */
interface SideTokens {
  readonly ids: Prompt['clean'];
  readonly encoded: EncodedText | null;
  readonly beginsWithBos: boolean;
}

/** A prompt, and whether its clean side had BOS in its text. @throws AutoCircuitError when it does not fit */
export function tokenizedPrompt(
  raw: RawPrompt,
  index: number,
  context: PromptContext,
): { readonly prompt: Prompt; readonly beginsWithBos: boolean } {
  const at = `${context.file.path}: prompt ${index}`;
  const clean = sideTokens(raw.clean, index, `${at} (clean)`, context);
  const { beginsWithBos } = clean;
  if (context.length !== null && clean.ids.length !== context.length) {
    return { prompt: { index, clean: clean.ids, corrupt: clean.ids, answers: [], wrongAnswers: [] }, beginsWithBos };
  }
  const corrupt = sideTokens(raw.corrupt, index, `${at} (corrupt)`, context);
  if (clean.ids.length !== corrupt.ids.length) {
    throw new AutoCircuitError({
      code: 'invalid-prompt',
      fields: { prompt: index, clean: clean.ids.length, corrupt: corrupt.ids.length },
      where: 'prompts',
      what: `${at}: clean and corrupt have different lengths`,
      expected: `${clean.ids.length} tokens in both, as in clean`,
      got: `${corrupt.ids.length} in corrupt`,
    });
  }
  const answerIds = (answers: readonly (string | number)[], field: string): readonly number[] =>
    Object.freeze(answers.map((answer) => answerId(answer, index, `${at}: ${field}`, clean.encoded, context)));
  const sides = ({ answers, wrongAnswers }: RawSides): AnswerSides => ({
    index,
    answers: answerIds(answers, 'answer'),
    wrongAnswers: answerIds(wrongAnswers, 'wrong answer'),
  });
  const prompt = Object.freeze({
    ...{ clean: clean.ids, corrupt: corrupt.ids },
    ...sides(raw),
    ...(raw.byPosition ? { byPosition: raw.byPosition.map(sides) } : {}),
    ...(raw.targets ? { targets: raw.targets } : {}),
  });
  warnOfText(clean, 'clean', index, context);
  warnOfText(corrupt, 'corrupt', index, context);
  return { prompt, beginsWithBos };
}

function sideTokens(input: RawInput, index: number, at: string, context: PromptContext): SideTokens {
  if (typeof input !== 'string')
    return { ids: features(input, index, at, context), encoded: null, beginsWithBos: false };
  const encoder = needed(context.encoder, index, at);
  const ids = encoder.encode(input, { bos: false });
  const beginsWithBos = encoder.bosId !== null && ids[0] === encoder.bosId;
  if (ids.length === 0) {
    throw new AutoCircuitError({
      code: 'invalid-prompt',
      fields: { prompt: index },
      where: 'prompts',
      what: `${at} has no tokens`,
    });
  }
  const all = context.bosAdded && !beginsWithBos ? encoder.encode(input, { bos: true }) : ids;
  return { ids: Object.freeze([...all]), encoded: { text: input, ids }, beginsWithBos };
}

function features(
  input: Exclude<RawInput, string>,
  index: number,
  at: string,
  { width }: PromptContext,
): Prompt['clean'] {
  const uneven = width === null ? -1 : input.findIndex((row) => typeof row === 'number' || row.length !== width);
  if (uneven < 0) return input;
  const row = input[uneven]!;
  throw new AutoCircuitError({
    code: 'invalid-prompt',
    fields: { prompt: index, position: uneven },
    where: 'prompts',
    what: `${at}: position ${uneven} has a different number of features than the first prompt`,
    expected: `${width}`,
    got: `${typeof row === 'number' ? 1 : row.length}`,
  });
}

function answerId(
  answer: string | number,
  index: number,
  at: string,
  prompt: EncodedText | null,
  { encoder, warnings, answersSeen }: PromptContext,
): number {
  if (typeof answer === 'number') return answer;
  const tokenizer = needed(encoder, index, at);
  const after = prompt ?? someText(tokenizer); // prompts of token ids with answers of text
  const tokens = answerTokensAfter(tokenizer, after, answer, answersSeen);
  const [token] = tokens;
  if (token !== undefined && tokens.includes(tokenizer.unkId ?? -1)) {
    throw new AutoCircuitError({
      code: 'invalid-prompt',
      fields: { prompt: index, answer, token },
      where: 'prompts',
      what: `${at} ${JSON.stringify(answer)} is not known to the tokenizer, to which all such words are the same token`,
      expected: 'a word of its vocabulary',
      got: JSON.stringify(tokenizer.decode([token])),
    });
  }
  if (token === undefined || tokens.length > 1) {
    throw new AutoCircuitError({
      code: 'answer-not-one-token',
      fields: { prompt: index, answer, tokens: tokens.length },
      where: 'prompts',
      what: `${at} ${JSON.stringify(answer)} is not one token`,
      expected: 'one token',
      got:
        tokens.length === 0
          ? 'none'
          : `${tokens.length} (${tokens.map((id) => JSON.stringify(tokenizer.decode([id]))).join(', ')})`,
      fix: answerAdvice(tokenizer, after, answer),
    });
  }
  const likelier = likelierAnswer(tokenizer, after, answer);
  if (likelier !== null) {
    const [own, other] = [answer, likelier.text].map((text) => JSON.stringify(text));
    const reads =
      likelier.token === token
        ? `which is read as ${other}`
        : `where ${other} is also one token, and more likely what is meant`;
    warnings.add('no-space', index, `${own} of prompt ${index}, ${reads}`);
  }
  return token;
}

/** What an answer follows where the prompt has no text. */
const someText = (encoder: TextEncoder): EncodedText => ({ text: 'to', ids: encoder.encode('to', { bos: false }) });

/** Words that the tokenizer does not know, and BOS that the text brings itself. */
function warnOfText({ encoded, beginsWithBos }: SideTokens, side: string, index: number, context: PromptContext): void {
  const { encoder, warnings, bosAdded } = context;
  if (encoded === null || encoder === null) return;
  const word = unknownWord(encoder, encoded);
  if (word !== null) warnings.add('unknown-word', index, `${JSON.stringify(word)} of prompt ${index} (${side})`);
  if (bosAdded && beginsWithBos) warnings.add('own-bos', index, JSON.stringify(encoder.decode([encoded.ids[0]!])));
}

function needed(encoder: TextEncoder | null, index: number, at: string): TextEncoder {
  if (encoder) return encoder;
  throw new AutoCircuitError({
    code: 'no-tokenizer',
    fields: { prompt: index },
    where: 'prompts',
    what: `${at} is text, but the model has no tokenizer`,
    fix: 'give token ids, or a model folder with tokenizer.json',
  });
}
