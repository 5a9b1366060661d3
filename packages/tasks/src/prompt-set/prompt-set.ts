/** @file Draws prompts until there are enough that fit a tokenizer, and says what did not fit when there are not. */
import {
  AutoCircuitError,
  type PromptFile,
  type PromptRequest,
  type RandomSource,
  type RawPrompt,
  seededRandom,
  type TextEncoder,
} from '@auto-circuit/core';
import type { FilledText } from './fill.js';
import { tokensOf } from './one-token.js';

/** A pair of prompts before it is checked. */
export interface Draft {
  readonly clean: FilledText;
  readonly corrupt: FilledText;
  readonly answers: readonly string[];
  readonly wrongAnswers: readonly string[];
}
export interface PromptSetSettings {
  /** In sentences, and the stream of the random numbers. */
  readonly task: string;
  readonly request: PromptRequest;
  draw(random: RandomSource): Draft;
  /**
   * Word indices of prompts that are all aligned: from the last token of each slot's word and the prompt's length. Only
   * prompts of the most frequent layout are then kept. Without it prompts may have several lengths.
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
  const { encoder, count, seed } = request;
  checkCount(task, count);
  const layout = wordIdxs === undefined ? null : mostFrequentLayout(settings);
  const random = seededRandom(seed, task);
  const seen = new Set<string>();
  const prompts: RawPrompt[] = [];
  const rejected = new Map<string, number>();
  const most = Math.max(FEWEST_DRAWS, DRAWS_PER_PROMPT * count);
  for (let n = 0; n < most && prompts.length < count; n++) {
    const draft = settings.draw(random);
    const key = `${draft.clean.text}\0${draft.corrupt.text}`;
    const reason =
      misfit(encoder, draft) ??
      (layout !== null && layoutOf(settings, draft) !== layout ? 'of another layout than most' : null) ??
      (seen.has(key) ? 'drawn before' : null);
    if (reason !== null) {
      rejected.set(reason, (rejected.get(reason) ?? 0) + 1);
      continue;
    }
    seen.add(key);
    const { answers, wrongAnswers } = draft;
    prompts.push(Object.freeze({ clean: draft.clean.text, corrupt: draft.corrupt.text, answers, wrongAnswers }));
  }
  if (prompts.length < count) throw tooFew(task, count, prompts.length, rejected);
  const words = layout === null ? {} : (JSON.parse(layout) as Record<string, number>);
  const { length: _, ...wordPositions } = words;
  return Object.freeze({
    path: `${task} (seed ${seed})`,
    kind: 'text',
    prompts: Object.freeze(prompts),
    seqLabels: layout === null ? null : labelsOf(encoder, prompts, wordPositions),
    wordIdxs: Object.freeze(wordPositions),
  });
}

/** Why a draft cannot be a prompt; null when it can. */
function misfit(encoder: TextEncoder, { clean, corrupt, answers, wrongAnswers }: Draft): string | null {
  if (clean.text === corrupt.text) return 'the same clean and corrupt';
  if (tokensOf(encoder, clean.text).length !== tokensOf(encoder, corrupt.text).length) {
    return 'with clean and corrupt of different length';
  }
  const long = [...answers, ...wrongAnswers].find((answer) => tokensOf(encoder, answer).length !== 1);
  return long === undefined ? null : `with an answer that is not one token, such as ${JSON.stringify(long)}`;
}

/** Length and word indices as text, for comparison: both sides of a pair must have the same. */
function layoutOf({ request: { encoder }, wordIdxs }: PromptSetSettings, { clean, corrupt }: Draft): string {
  const [own, other] = [clean, corrupt].map(({ text, ends }) => {
    const length = tokensOf(encoder, text).length;
    const at = Object.entries(ends).map(([slot, end]) => [slot, tokensOf(encoder, text.slice(0, end)).length - 1]);
    return JSON.stringify({ ...wordIdxs!(Object.fromEntries(at), length), length });
  });
  return own === other ? own! : 'uneven';
}

function mostFrequentLayout(settings: PromptSetSettings): string {
  const random = seededRandom(settings.request.seed, `${settings.task}/layout`);
  const counts = new Map<string, number>();
  for (let n = 0; n < LAYOUT_SAMPLE; n++) {
    const draft = settings.draw(random);
    if (misfit(settings.request.encoder, draft) !== null) continue;
    const layout = layoutOf(settings, draft);
    if (layout !== 'uneven') counts.set(layout, (counts.get(layout) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? '{}';
}

/** For each position: the token where all prompts have the same one, else the word's name. */
function labelsOf(
  encoder: TextEncoder,
  prompts: readonly RawPrompt[],
  words: Readonly<Record<string, number>>,
): readonly string[] {
  const rows = prompts.flatMap(({ clean, corrupt }) => [clean, corrupt].map((text) => tokensOf(encoder, String(text))));
  const names = new Map(Object.entries(words).map(([name, at]) => [at, name]));
  return rows[0]!.map((id, i) => {
    const named = names.get(i);
    const same = rows.every((row) => row[i] === id);
    return same ? encoder.decode([id]).trim() || JSON.stringify(encoder.decode([id])) : (named ?? `word ${i}`);
  });
}

function checkCount(task: string, count: number): void {
  if (Number.isSafeInteger(count) && count > 0) return;
  throw new AutoCircuitError({
    where: 'prompts',
    what: `the number of prompts of task "${task}" is not usable`,
    expected: 'a whole number from 1',
    got: `${count}`,
  });
}

function tooFew(task: string, count: number, made: number, rejected: ReadonlyMap<string, number>): AutoCircuitError {
  const reasons = [...rejected].sort(([, a], [, b]) => b - a).map(([reason, n]) => `${n} ${reason}`);
  return new AutoCircuitError({
    where: 'prompts',
    what: `task "${task}" does not give so many different prompts with this tokenizer`,
    expected: `${count}`,
    got: `${made}; of the others ${reasons.slice(0, 3).join(', ')}`,
    fix: made > 0 ? `ask for at most ${made}` : 'use a model with another tokenizer',
  });
}
