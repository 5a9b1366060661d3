/** @file The value of one prompt's answers: mean over the answers, mean over the wrong answers, or the difference. */

import { AutoCircuitError } from '../errors/error.js';
import type { AnswerSides } from '../prompts/types.js';
import type { FloatArray } from '../tensor/tensor.js';
import { type OutputRow, outputRow, ROW_FUNCTIONS } from './output-row.js';
import type { TokenFunction } from './token-functions.js';

/** diff: answers − wrong answers · value: answers · wrong: wrong answers; each side a mean over its tokens. */
export type AnswerValue = 'diff' | 'value' | 'wrong';

/**
 * The value of a prompt whose output is `row` [vocab], in float64 where it is all there. Prompts may have any number of answers.
 * @throws AutoCircuitError when a side that is asked for has no tokens, or one outside the vocabulary.
 */
export function promptAnswerValue(
  row: FloatArray | OutputRow,
  prompt: AnswerSides,
  tokenFunction: TokenFunction,
  value: AnswerValue,
): number {
  const of = ROW_FUNCTIONS[tokenFunction]('logit' in row ? row : outputRow(row));
  return SIDES[value].reduce((sum, { side, sign }) => sum + sign * meanOver(row.length, prompt, side, of), 0);
}

const ANSWERS = { side: 'answers', sign: 1 } as const;
const SIDES: Readonly<Record<AnswerValue, readonly { side: 'answers' | 'wrongAnswers'; sign: number }[]>> = {
  diff: [ANSWERS, { side: 'wrongAnswers', sign: -1 }],
  value: [ANSWERS],
  wrong: [{ side: 'wrongAnswers', sign: 1 }],
};

function meanOver(
  vocab: number,
  prompt: AnswerSides,
  side: 'answers' | 'wrongAnswers',
  of: (token: number) => number,
): number {
  const tokens = answerTokens(prompt, side, vocab);
  return tokens.reduce((sum, token) => sum + of(token), 0) / tokens.length;
}

/** A prompt's tokens on one side: at least one, all inside the vocabulary. */
export function answerTokens(prompt: AnswerSides, side: 'answers' | 'wrongAnswers', vocab: number): readonly number[] {
  const tokens = prompt[side];
  const name = side === 'answers' ? 'answers' : 'wrong answers';
  if (tokens.length === 0) {
    throw new AutoCircuitError({
      code: side === 'answers' ? 'invalid-prompt' : 'missing-wrong-answers',
      fields: { prompt: prompt.index },
      where: 'core/objectives',
      what: `prompt ${prompt.index} has no ${name}`,
      expected: 'at least one token',
      fix:
        side === 'answers'
          ? 'give it an answer'
          : 'give it wrong answers, or choose a metric or objective of the answer only',
    });
  }
  for (const token of tokens) {
    if (!Number.isInteger(token) || token < 0 || token >= vocab) {
      throw new AutoCircuitError({
        code: 'token-out-of-range',
        fields: { prompt: prompt.index, token, vocab },
        where: 'core/objectives',
        what: `prompt ${prompt.index} has a token outside the vocabulary among its ${name}`,
        expected: `0 to ${vocab - 1}`,
        got: `${token}`,
      });
    }
  }
  return tokens;
}
