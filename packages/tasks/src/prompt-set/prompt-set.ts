/** @file Draws prompts until enough of them fit a tokenizer; when they run out, the error says what did not fit. */
import {
  AutoCircuitError,
  type PromptFile,
  type PromptRequest,
  type RandomSource,
  type RawPrompt,
  seededRandom,
  type TextEncoder,
} from '@auto-circuit/core/plugin';
import type { FilledText } from './fill.js';
import { isSingleToken, isSpelled, tokensOf } from './one-token.js';

/** A pair of prompts before it is checked. */
export interface Draft {
  readonly clean: FilledText;
  readonly corrupt: FilledText;
  readonly answers: readonly string[];
  readonly wrongAnswers: readonly string[];
}
/** What a generator says to `promptSet`. */
export interface PromptSetSettings {
  /** What errors call it; it also picks the random numbers, so that tasks draw independently. */
  readonly task: string;
  readonly request: PromptRequest;
  draw(random: RandomSource): Draft;
  /**
   * Word indices of prompts that are all aligned: from the last token of each slot's word and the prompt's length. Only
   * prompts of the most frequent layout are then used. Without it prompts may have several lengths.
   */
  readonly wordIdxs?: (at: Readonly<Record<string, number>>, length: number) => Readonly<Record<string, number>>;
}

/** Draws for each prompt asked for before a generator gives up. */
const DRAWS_PER_PROMPT = 50;
const FEWEST_DRAWS = 2000;
/** Drafts that decide which layout is the most frequent one. */
const LAYOUT_SAMPLE = 200;

/**
 * `count` different prompts of which every answer is one token, clean and corrupt differ and are equally long.
 * @throws AutoCircuitError with the reasons when so many cannot be made
 */
export function promptSet(settings: PromptSetSettings): PromptFile {
  const { task, request, wordIdxs } = settings;
  const { count, seed } = request;
  checkCount(task, count);
  const tokenize = draftTokenizer(request.encoder);
  const layout = wordIdxs === undefined ? null : mostFrequentLayout(settings, tokenize);
  const random = seededRandom(seed, task);
  const seen = new Set<string>();
  const drafts: TokenizedDraft[] = [];
  const rejected = new Map<string, number>();
  const most = Math.max(FEWEST_DRAWS, DRAWS_PER_PROMPT * count);
  for (let n = 0; n < most && drafts.length < count; n++) {
    const draft = tokenize(settings.draw(random));
    const key = `${draft.clean.text}\0${draft.corrupt.text}`;
    const reason =
      draft.misfit ??
      (layout !== null && layoutOf(settings, draft) !== layout ? 'of another layout than most' : null) ??
      (seen.has(key) ? 'drawn before' : null);
    if (reason !== null) {
      rejected.set(reason, (rejected.get(reason) ?? 0) + 1);
      continue;
    }
    seen.add(key);
    drafts.push(draft);
  }
  if (drafts.length < count) throw tooFew(task, count, drafts.length, rejected);
  const [first] = drafts;
  const words = wordIdxs === undefined ? {} : wordIdxs(first!.clean.at, first!.clean.ids.length);
  return Object.freeze({
    path: `${task} (seed ${seed})`,
    kind: 'text',
    prompts: Object.freeze(drafts.map(rawPrompt)),
    seqLabels: wordIdxs === undefined ? null : labelsOf(request.encoder, drafts, words),
    wordIdxs: Object.freeze(words),
  });
}

interface TokenizedText {
  readonly text: string;
  readonly ids: readonly number[];
  /** Whether the tokenizer knows all of it. */
  readonly known: boolean;
  /** The position of each slot's last token. */
  readonly at: Readonly<Record<string, number>>;
}
interface TokenizedDraft extends Pick<Draft, 'answers' | 'wrongAnswers'> {
  readonly clean: TokenizedText;
  readonly corrupt: TokenizedText;
  /** Why it cannot be a prompt; null when it can. */
  readonly misfit: string | null;
}

const rawPrompt = ({ clean, corrupt, answers, wrongAnswers }: TokenizedDraft): RawPrompt =>
  Object.freeze({ clean: clean.text, corrupt: corrupt.text, answers, wrongAnswers });

/** Tokenizes drafts; answers and the texts of single tokens, which come again and again, are cached. */
function draftTokenizer(encoder: TextEncoder): (draft: Draft) => TokenizedDraft {
  const pieces = new Map<number, string>();
  const single = new Map<string, boolean>();
  const pieceOf = (id: number): string => {
    const piece = pieces.get(id) ?? encoder.decode([id]);
    pieces.set(id, piece);
    return piece;
  };
  // The last word decides, but for odd tokenizers, whose prompts are refused when they are read.
  const isSingle = (answer: string, prompt: string): boolean => {
    const key = `${prompt.slice(prompt.lastIndexOf(' ') + 1)}\0${answer}`;
    const one = single.get(key) ?? isSingleToken(encoder, answer, prompt);
    single.set(key, one);
    return one;
  };
  const tokenize = ({ text, ends }: FilledText): TokenizedText => {
    const ids = tokensOf(encoder, text);
    const stops: number[] = []; // the offset at which each token ends: [pos]
    for (const id of ids) stops.push((stops.at(-1) ?? 0) + pieceOf(id).length);
    // Tokens whose texts do not make up the prompt (a space left out, a character cut in two) are counted up to the word instead.
    const exact = ids.map(pieceOf).join('') === text;
    const position = (end: number): number =>
      exact ? stops.findIndex((stop) => stop >= end) : tokensOf(encoder, text.slice(0, end)).length - 1;
    const known = exact || isSpelled(ids.map(pieceOf).join(''), text);
    const at = Object.fromEntries(Object.entries(ends).map(([slot, end]) => [slot, position(end)]));
    return { text, ids, known, at };
  };
  return ({ answers, wrongAnswers, ...draft }) => {
    const [clean, corrupt] = [tokenize(draft.clean), tokenize(draft.corrupt)];
    const long = [...answers, ...wrongAnswers].find((answer) => !isSingle(answer, draft.clean.text));
    const misfit =
      (clean.text === corrupt.text ? 'the same clean and corrupt' : null) ??
      (clean.known && corrupt.known ? null : 'with words that the tokenizer does not know') ??
      (clean.ids.length === corrupt.ids.length ? null : 'with clean and corrupt of different length') ??
      (long === undefined ? null : `with an answer that is not one token, such as ${JSON.stringify(long)}`);
    return { clean, corrupt, answers, wrongAnswers, misfit };
  };
}

/** Length and word indices as text, for comparison: both sides of a pair must have the same. */
function layoutOf({ wordIdxs }: PromptSetSettings, { clean, corrupt }: TokenizedDraft): string {
  const [own, other] = [clean, corrupt].map(({ ids, at }) =>
    JSON.stringify([ids.length, Object.entries(wordIdxs!(at, ids.length))]),
  );
  return own === other ? own! : 'uneven';
}

function mostFrequentLayout(settings: PromptSetSettings, tokenize: (draft: Draft) => TokenizedDraft): string {
  const random = seededRandom(settings.request.seed, `${settings.task}/layout`);
  const counts = new Map<string, number>();
  for (let n = 0; n < LAYOUT_SAMPLE; n++) {
    const draft = tokenize(settings.draw(random));
    if (draft.misfit !== null) continue;
    const layout = layoutOf(settings, draft);
    if (layout !== 'uneven') counts.set(layout, (counts.get(layout) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 'none';
}

/** For each position: the token where all prompts have the same one, else the word's name, else the slot's. */
function labelsOf(
  encoder: TextEncoder,
  drafts: readonly TokenizedDraft[],
  words: Readonly<Record<string, number>>,
): readonly string[] {
  const sides = drafts.flatMap(({ clean, corrupt }) => [clean, corrupt]);
  const names = new Map([...Object.entries(sides[0]!.at), ...Object.entries(words)].map(([name, at]) => [at, name]));
  return sides[0]!.ids.map((id, i) => {
    if (sides.some(({ ids }) => ids[i] !== id)) return names.get(i) ?? 'word';
    const token = encoder.decode([id]);
    return token.trim() || JSON.stringify(token);
  });
}

function checkCount(task: string, count: number): void {
  if (Number.isSafeInteger(count) && count > 0) return;
  throw new AutoCircuitError({
    code: 'invalid-option',
    fields: { option: 'count', got: count },
    where: 'prompts',
    what: `the number of prompts of task "${task}" is not usable`,
    expected: 'a whole number from 1',
    got: `${count}`,
  });
}

function tooFew(task: string, count: number, made: number, rejected: ReadonlyMap<string, number>): AutoCircuitError {
  const reasons = [...rejected].sort(([, a], [, b]) => b - a).map(([reason, n]) => `${n} ${reason}`);
  return new AutoCircuitError({
    code: 'unfit-tokenizer',
    fields: { task, count, made },
    where: 'prompts',
    what: `task "${task}" does not give that many different prompts with this tokenizer`,
    expected: `${count}`,
    got: `${made}; of the others ${reasons.slice(0, 3).join(', ')}`,
    fix: made > 0 ? `ask for at most ${made}` : 'use a model with another tokenizer',
  });
}
