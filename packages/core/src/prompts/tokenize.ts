/** @file From a prompt file to prompts of token ids: which prompts are taken, one-token answers, equal lengths, BOS. */
import { AutoCircuitError } from '../errors/error.js';
import type { PromptFile, RawPrompt } from './prompt-file.js';
import { checkInputs, checkLength, type PromptTaker } from './prompt-fit.js';
import { PromptWarnings } from './prompt-warnings.js';
import { checkLimit, noPromptOfLength } from './prompts.js';
import type { TextEncoder } from './text-encoder.js';
import { tokenizedPrompt } from './tokenize-prompt.js';
import type { Prompt } from './types.js';

/** Which prompts of a file are tokenized, and how. */
export interface TokenizeOptions {
  /** Whether BOS stands before prompts of text. One that begins with BOS already gets no second one. */
  readonly bos: boolean;
  /** Only prompts of so many tokens, BOS counted; the others are not looked at further. Default: all. */
  readonly length?: number | null;
  /** Only the first so many of those; what comes after them is not looked at. Default: all. */
  readonly limit?: number | null;
  /**
   * What is done about prompts that do not fit: `refuse` (the default) throws at the first; `skip` takes the next one in its
   * place; `list` leaves them out, though they count for `limit`.
   */
  readonly unfit?: 'refuse' | 'skip' | 'list';
  /** The model that will run them: prompts of another kind than it takes are refused, too long ones do not fit. */
  readonly model?: PromptTaker;
}

/** A prompt that was left out. */
export interface UnfitPrompt {
  /** Its place in the file. */
  readonly index: number;
  /** Why, as it would have been thrown. */
  readonly error: AutoCircuitError;
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
  /** Prompts that were left out as they do not fit; empty unless `unfit` is `skip` or `list`. */
  readonly unfit: readonly UnfitPrompt[];
  /** What is likely not meant, a sentence each: unknown words, answers without a space before them, BOS in the text. */
  readonly warnings: readonly string[];
}

/** What is wrong with the tokenizer is wrong with every prompt. */
const NOT_OF_ONE_PROMPT: ReadonlySet<string> = new Set(['no-tokenizer', 'invalid-tokenizer']);

/**
 * Prompts of token ids, in the file's order. An answer is the token that it adds to its clean prompt.
 * @param encoder null for files of token ids or features
 * @throws AutoCircuitError naming the prompt: answers that are not one token, or not known to the tokenizer, clean and corrupt
 * of different length, text without a tokenizer, BOS where the tokenizer has none, features of different width; with `model`,
 * prompts of another kind than it takes, or too long; and when no prompt is left
 */
export function tokenizePrompts(
  file: PromptFile,
  encoder: TextEncoder | null,
  { bos, length = null, limit = null, unfit: onUnfit = 'refuse', model }: TokenizeOptions,
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
  checkLimit(limit);
  if (model) checkInputs(file, model);
  const context = {
    file,
    encoder,
    bosAdded,
    width: featureWidth(file.prompts[0]!),
    length,
    warnings: new PromptWarnings(file.path),
    answersSeen: new Map(),
  };
  const prompts: Prompt[] = [];
  const unfit: UnfitPrompt[] = [];
  const otherLengths: Prompt[] = [];
  let ownBos = 0;
  for (const [index, raw] of file.prompts.entries()) {
    if (limit !== null && prompts.length + (onUnfit === 'list' ? unfit.length : 0) === limit) break;
    try {
      const { prompt, beginsWithBos } = tokenizedPrompt(raw, index, context);
      if (length !== null && prompt.clean.length !== length) {
        otherLengths.push(prompt);
        continue;
      }
      if (model) checkLength(file, prompt, model);
      prompts.push(prompt);
      if (beginsWithBos) ownBos += 1;
    } catch (error) {
      if (onUnfit === 'refuse' || !(error instanceof AutoCircuitError) || NOT_OF_ONE_PROMPT.has(error.code))
        throw error;
      unfit.push(Object.freeze({ index, error }));
    }
  }
  if (prompts.length === 0 && unfit.length === 0) throw noPromptOfLength(otherLengths, length ?? 0);
  if (prompts.length === 0 && onUnfit === 'skip') throw noneFits(file, unfit);
  const added = bosAdded && ownBos < prompts.length;
  const shift = added ? 1 : 0;
  return Object.freeze({
    prompts: Object.freeze(prompts),
    bosAdded: added,
    seqLabels: file.seqLabels && added ? ['<BOS>', ...file.seqLabels] : file.seqLabels,
    wordIdxs: Object.freeze(Object.fromEntries(Object.entries(file.wordIdxs).map(([word, at]) => [word, at + shift]))),
    unfit: Object.freeze(unfit),
    warnings: Object.freeze(context.warnings.sentences()),
  });
}

function noneFits({ path }: PromptFile, unfit: readonly UnfitPrompt[]): AutoCircuitError {
  const [first] = unfit;
  return new AutoCircuitError({
    code: 'unfit-prompts',
    fields: { path, prompts: unfit.map(({ index }) => index) },
    where: 'prompts',
    what: `none of the ${unfit.length} prompts of ${path} fits the model`,
    got: first?.error.message ?? 'no prompts',
    fix: 'use another model or other prompts',
  });
}

/** Features for each position; null for text and token ids. */
function featureWidth({ clean }: RawPrompt): number | null {
  const first = clean[0];
  return Array.isArray(first) ? first.length : null;
}
