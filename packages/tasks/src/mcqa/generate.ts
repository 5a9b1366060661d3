/** @file Prompts with choices: a sentence says what colour a thing has, and four choices ask for it; the answer is a letter. */
import type { PromptFile, PromptRequest, RandomSource } from '@auto-circuit/core/plugin';
import { filledPair } from '../prompt-set/fill.js';
import { oneTokenWords } from '../prompt-set/one-token.js';
import { type Draft, promptSet } from '../prompt-set/prompt-set.js';
import { draw, pick } from '../prompt-set/random-choice.js';
import { wordList } from '../prompt-set/word-lists.js';

/** The question and its choices. */
export const MCQA_QUESTION = [
  'The {thing} in the hall is {color}. What color is the {same}?',
  '{letter0}. {choice0}',
  '{letter1}. {choice1}',
  '{letter2}. {choice2}',
  '{letter3}. {choice3}',
  'Answer:',
].join('\n');

/** Things that may have any of the colours. */
export const MCQA_THINGS: readonly string[] = wordList(`
  chair table door lamp box cup bottle clock picture flag coat hat bag book basket bowl bench carpet
`);
/** Colours. */
export const MCQA_COLORS: readonly string[] = wordList(
  'red blue green white black brown yellow orange purple pink gray',
);

/** The letters of the clean prompts; the counterfactual has four of the others. */
const LETTERS = ['A', 'B', 'C', 'D'] as const;
const OTHER_LETTERS = [...'EFGHJKLMNOPQRSTUVWXYZ'];

/**
 * The letter of the right choice. The corrupt prompt is the same question with other letters, and its right one is the wrong
 * answer: the symbol counterfactuals of the copy task in the MIB benchmark (Mueller et al. 2025, https://arxiv.org/abs/2504.13151).
 * Sentences and words are our own.
 * @throws AutoCircuitError when the tokenizer has too few of the words or letters as one token
 */
export function generateMcqa(request: PromptRequest): PromptFile {
  const task = 'mcqa';
  const { encoder } = request;
  const things = oneTokenWords(task, 'things', encoder, MCQA_THINGS, 1);
  const colors = oneTokenWords(task, 'colours', encoder, MCQA_COLORS, LETTERS.length);
  const own = oneTokenWords(task, 'letters of the choices', encoder, LETTERS, LETTERS.length);
  const others = oneTokenWords(task, 'other letters', encoder, OTHER_LETTERS, LETTERS.length);
  const drawn = (random: RandomSource): Draft => {
    const thing = pick(random, things);
    const choices = draw(random, colors, LETTERS.length);
    const right = random.below(choices.length);
    const replaced = draw(random, others, LETTERS.length);
    const shared = { thing, same: thing, color: choices[right]!, ...numbered('choice', choices) };
    return {
      ...filledPair(MCQA_QUESTION, shared, numbered('letter', own), numbered('letter', replaced)),
      answers: [` ${own[right]}`],
      wrongAnswers: [` ${replaced[right]}`],
    };
  };
  return promptSet({ task, request, draw: drawn });
}

const numbered = (name: string, values: readonly string[]): Record<string, string> =>
  Object.fromEntries(values.map((value, i) => [`${name}${i}`, value]));
