/** @file From a prompt file to prompts of token ids: one-token answers, equal lengths, BOS. */
import { AutoCircuitError } from '../errors/error.js';
import type { PromptFile, RawInput, RawPrompt, RawSides } from './prompt-file.js';
import type { AnswerSides, Prompt } from './types.js';

/** What is needed of a tokenizer. */
export interface TextEncoder {
  /** Token ids of a text; with `bos`, the BOS token stands before them. */
  encode(text: string, options: { readonly bos: boolean }): readonly number[];
  /** null when the tokenizer has no BOS token. */
  readonly bosId: number | null;
  decode(ids: readonly number[]): string;
}

/** Prompts as a model takes them. */
export interface TokenizedPrompts {
  readonly prompts: readonly Prompt[];
  /** Whether BOS was put before the prompts. Token ids and features are taken as they are. */
  readonly bosAdded: boolean;
  /** Labels of the positions, with one for BOS. */
  readonly seqLabels: readonly string[] | null;
  /** Positions of words, shifted by BOS. */
  readonly wordIdxs: Readonly<Record<string, number>>;
}

/**
 * Prompts of token ids, in the file's order.
 * @param encoder null for files of token ids or features
 * @throws AutoCircuitError naming the prompt: answers that are not one token, clean and corrupt of different length,
 * text without a tokenizer, BOS where the tokenizer has none, features of different width.
 */
export function tokenizePrompts(
  file: PromptFile,
  encoder: TextEncoder | null,
  { bos }: { readonly bos: boolean },
): TokenizedPrompts {
  const bosAdded = bos && file.kind === 'text';
  if (bosAdded && encoder?.bosId === null) {
    throw new AutoCircuitError({
      code: 'no-bos-token',
      where: 'prompts',
      what: 'the tokenizer has no BOS token',
      fix: 'encode the prompts without one',
    });
  }
  const width = featureWidth(file.prompts[0]!.clean);
  const prompts = file.prompts.map((raw, index) => tokenized(raw, index, { file, encoder, bosAdded, width }));
  const shift = bosAdded ? 1 : 0;
  return Object.freeze({
    prompts: Object.freeze(prompts),
    bosAdded,
    seqLabels: file.seqLabels && bosAdded ? ['<BOS>', ...file.seqLabels] : file.seqLabels,
    wordIdxs: Object.freeze(Object.fromEntries(Object.entries(file.wordIdxs).map(([word, at]) => [word, at + shift]))),
  });
}

interface Context {
  readonly file: PromptFile;
  readonly encoder: TextEncoder | null;
  readonly bosAdded: boolean;
  readonly width: number | null;
}

function tokenized(raw: RawPrompt, index: number, context: Context): Prompt {
  const at = `${context.file.path}: prompt ${index}`;
  const clean = ids(raw.clean, index, `${at} (clean)`, context);
  const corrupt = ids(raw.corrupt, index, `${at} (corrupt)`, context);
  if (clean.length !== corrupt.length) {
    throw new AutoCircuitError({
      code: 'invalid-prompt',
      fields: { prompt: index, clean: clean.length, corrupt: corrupt.length },
      where: 'prompts',
      what: `${at}: clean and corrupt have different lengths`,
      expected: `${clean.length} tokens in both, as in clean`,
      got: `${corrupt.length} in corrupt`,
    });
  }
  const answerIds = (answers: readonly (string | number)[], field: string): readonly number[] =>
    Object.freeze(answers.map((answer) => answerId(answer, index, `${at}: ${field}`, context.encoder)));
  const sides = ({ answers, wrongAnswers }: RawSides): AnswerSides => ({
    index,
    answers: answerIds(answers, 'answer'),
    wrongAnswers: answerIds(wrongAnswers, 'wrong answer'),
  });
  return Object.freeze({
    ...{ clean, corrupt },
    ...sides(raw),
    ...(raw.byPosition ? { byPosition: raw.byPosition.map(sides) } : {}),
    ...(raw.targets ? { targets: raw.targets } : {}),
  });
}

function ids(input: RawInput, index: number, at: string, { encoder, bosAdded, width }: Context): Prompt['clean'] {
  if (typeof input !== 'string') {
    const uneven =
      width === null ? -1 : (input as readonly (readonly number[])[]).findIndex((row) => row.length !== width);
    if (uneven < 0) return input;
    throw new AutoCircuitError({
      code: 'invalid-prompt',
      fields: { prompt: index, position: uneven },
      where: 'prompts',
      what: `${at}: position ${uneven} has another number of features than the first prompt`,
      expected: `${width}`,
      got: `${(input[uneven] as readonly number[]).length}`,
    });
  }
  const tokens = needed(encoder, index, at).encode(input, { bos: bosAdded });
  if (tokens.length > (bosAdded ? 1 : 0)) return Object.freeze([...tokens]);
  throw new AutoCircuitError({
    code: 'invalid-prompt',
    fields: { prompt: index },
    where: 'prompts',
    what: `${at} has no tokens`,
  });
}

function answerId(answer: string | number, index: number, at: string, encoder: TextEncoder | null): number {
  if (typeof answer === 'number') return answer;
  const tokenizer = needed(encoder, index, at);
  const tokens = tokenizer.encode(answer, { bos: false });
  if (tokens.length === 1) return tokens[0]!;
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
    fix: 'choose a one-token answer; for most tokenizers it begins with a space',
  });
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

/** Features for each position; null for text and token ids. */
function featureWidth(input: RawInput): number | null {
  const first = input[0];
  return Array.isArray(first) ? first.length : null;
}
