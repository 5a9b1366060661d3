/** @file Prompts of arithmetic: the sum or the difference of two numbers, with an answer of one token. */
import type { PromptFile, PromptRequest, RandomSource, TextEncoder } from '@auto-circuit/core/plugin';
import { filledPair } from '../prompt-set/fill.js';
import { isSingleToken } from '../prompt-set/one-token.js';
import { type Draft, promptSet } from '../prompt-set/prompt-set.js';

/** What is asked of the two numbers. */
export type Arithmetic = 'addition' | 'subtraction';

const QUESTIONS = {
  addition: { sentence: 'The sum of {first} and {second} is', of: (a: number, b: number) => a + b },
  subtraction: { sentence: 'The difference between {first} and {second} is', of: (a: number, b: number) => a - b },
} as const;

/** Which numbers are drawn, and what stands between the question and the answer. */
interface NumberForm {
  readonly least: number;
  readonly most: number;
  /** A space that is a token of its own is part of the question; otherwise the answer begins with it. */
  readonly ends: '' | ' ';
}

/**
 * `The sum of 25 and 48 is` → ` 73`; wrong is the answer to the corrupt prompt, which has other numbers, as the random
 * counterfactuals of the MIB benchmark have (Mueller et al. 2025, https://arxiv.org/abs/2504.13151). Where a tokenizer cuts
 * numbers into digits, numbers and answers are single digits, and the prompt ends with the space.
 */
export const generateArithmetic =
  (kind: Arithmetic) =>
  (request: PromptRequest): PromptFile => {
    const { sentence, of } = QUESTIONS[kind];
    const { least, most, ends } = formFor(request.encoder);
    const pair = (random: RandomSource): readonly [number, number] => {
      for (;;) {
        const [a, b] = [least + random.below(most - least + 1), least + random.below(most - least + 1)];
        if (of(a, b) >= least && of(a, b) <= most) return [a, b];
      }
    };
    const words = ([first, second]: readonly [number, number]) => ({ first: `${first}`, second: `${second}` });
    const answer = (numbers: readonly [number, number]): string => `${ends === '' ? ' ' : ''}${of(...numbers)}`;
    const drawn = (random: RandomSource): Draft => {
      const clean = pair(random);
      let corrupt = pair(random);
      while (of(...corrupt) === of(...clean)) corrupt = pair(random);
      return {
        ...filledPair(sentence + ends, {}, words(clean), words(corrupt)),
        answers: [answer(clean)],
        wrongAnswers: [answer(corrupt)],
      };
    };
    return promptSet({ task: `arithmetic-${kind}`, request, draw: drawn });
  };

function formFor(encoder: TextEncoder): NumberForm {
  if (isSingleToken(encoder, ' 73', 'is')) return { least: 10, most: 99, ends: '' };
  if (isSingleToken(encoder, '73', 'is ')) return { least: 10, most: 99, ends: ' ' };
  return { least: 1, most: 9, ends: isSingleToken(encoder, ' 7', 'is') ? '' : ' ' };
}
