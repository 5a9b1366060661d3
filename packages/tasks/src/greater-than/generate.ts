/** @file Prompts of greater-than: an event begins in a year and ends in a later one of the same century. */
import { AutoCircuitError, type PromptFile, type PromptRequest, type RandomSource } from '@auto-circuit/core/plugin';
import { filledPair } from '../prompt-set/fill.js';
import { isSingleToken, tokensOf } from '../prompt-set/one-token.js';
import { type Draft, promptSet } from '../prompt-set/prompt-set.js';
import { pick } from '../prompt-set/random-choice.js';
import { wordList } from '../prompt-set/word-lists.js';

/** {start} is the whole first year, {century} the first two digits of the second. */
export const GREATER_THAN_SENTENCE = 'The {noun} began in the year {century}{start} and ended in the year {again}';

/** What begins and ends. */
export const EVENTS: readonly string[] = wordList(`
  agreement alliance attack blockade campaign case celebration conflict construction crisis debate decline dispute
  drought dynasty empire epidemic exhibition expedition experiment famine festival hunt investigation journey marriage
  migration mission occupation partnership plague production project rebellion reform reign revolution riot rule
  search siege strike struggle study tour trial uprising voyage war
`);
const CENTURIES = [11, 12, 13, 14, 15, 16, 17];
/** The years of a century that an event may begin in: later than the corrupt one, and not the last. */
const [FIRST, LAST, CORRUPT] = [2, 98, 1];

const twoDigits = (n: number): string => `${n}`.padStart(2, '0');
const ALL = Array.from({ length: 100 }, (_, n) => twoDigits(n));
const DIGITS = Array.from({ length: 10 }, (_, n) => `${n}`);

/**
 * `The war began in the year 1732 and ended in the year 17` → any of `33` … `99`; wrong are `00` … `32`. The corrupt prompt
 * begins in 1701. Centuries 11 to 17; a year is used when its two halves are one token each (` 17`, `32`), as in Hanna et
 * al. 2023.
 *
 * Word indices where all prompts have one length: `YY` (the century of the first year), `XX` (its other half), `end`.
 *
 * A tokenizer that cuts numbers into digits is asked for the first digit of the other half: any of `4` … `9`; wrong are `0` …
 * `2`, while `3` says nothing. Word indices are then `century` (its last digit), `decade`, `unit`, `end`.
 * @throws AutoCircuitError when the tokenizer splits years in yet another way
 */
export function generateGreaterThan(request: PromptRequest): PromptFile {
  const task = 'greater-than';
  if (cutsIntoDigits(request)) return digitPrompts(task, request);
  checkEndings(task, request);
  const centuries = CENTURIES.filter((century) => isTwoHalves(request, century, twoDigits(CORRUPT)));
  const years = centuries.flatMap((century) =>
    ALL.slice(FIRST, LAST + 1)
      .filter((start) => isTwoHalves(request, century, start))
      .map((start) => ({ century: `${century}`, start })),
  );
  if (years.length === 0) throw misfit(task, 'years from 1102 to 1798 as two tokens', pieces(request, ' 1732'));
  return promptSet({
    task,
    request,
    draw: (random) => {
      const { century, start } = pick(random, years);
      const at = Number(start);
      return { ...yearPair(random, century, start), answers: ALL.slice(at + 1), wrongAnswers: ALL.slice(0, at + 1) };
    },
    wordIdxs: ({ start }, length) => ({ YY: start! - 1, XX: start!, end: length - 1 }),
  });
}

/** Prompts whose answer is the first digit of the year in which it ended. */
function digitPrompts(task: string, request: PromptRequest): PromptFile {
  return promptSet({
    task,
    request,
    draw: (random) => {
      const decade = 1 + random.below(8); // digits are left on both sides of it
      const start = `${decade}${random.below(10)}`;
      const pair = yearPair(random, `${pick(random, CENTURIES)}`, start);
      return { ...pair, answers: DIGITS.slice(decade + 1), wrongAnswers: DIGITS.slice(0, decade) };
    },
    wordIdxs: ({ start }, length) => ({
      ...{ century: start! - 2, decade: start! - 1, unit: start! },
      end: length - 1,
    }),
  });
}

function yearPair(random: RandomSource, century: string, start: string): Pick<Draft, 'clean' | 'corrupt'> {
  const shared = { noun: pick(random, EVENTS), century, again: century };
  return filledPair(GREATER_THAN_SENTENCE, shared, { start }, { start: twoDigits(CORRUPT) });
}

/** Whether a year is its four digits, and each digit one token after a century. */
function cutsIntoDigits({ encoder }: PromptRequest): boolean {
  const ids = tokensOf(encoder, 'year 1732').slice(-4);
  return (
    ids.map((id) => encoder.decode([id]).trim()).join(',') === '1,7,3,2' &&
    DIGITS.every((digit) => isSingleToken(encoder, digit, 'year 17'))
  );
}

/** Whether a year begins with its century's token and goes on with one other. */
function isTwoHalves({ encoder }: PromptRequest, century: number, start: string): boolean {
  const ids = tokensOf(encoder, ` ${century}${start}`);
  return ids.length === 2 && encoder.decode([ids[1]!]) === start;
}

/** @throws AutoCircuitError unless 00 … 99 are one token each */
function checkEndings(task: string, request: PromptRequest): void {
  const long = ALL.find((text) => !isSingleToken(request.encoder, text, 'year 17'));
  if (long !== undefined) throw misfit(task, '00 … 99 as one token each', pieces(request, long));
}

const pieces = ({ encoder }: PromptRequest, text: string): string[] =>
  tokensOf(encoder, text).map((id) => encoder.decode([id]));

function misfit(task: string, expected: string, got: readonly string[]): AutoCircuitError {
  return new AutoCircuitError({
    code: 'unfit-tokenizer',
    fields: { task },
    where: 'prompts',
    what: `task "${task}" does not fit this tokenizer, which cuts numbers otherwise`,
    expected,
    got: got.map((text) => JSON.stringify(text)).join(', '),
    fix: 'use a model whose tokenizer joins two digits or none, or write a prompt file with answers that are one token',
  });
}
