import { describe, expect, it } from 'vitest';
import { errorOf } from '../testing/errors.js';
import { answerTokens, promptAnswerValue } from './answers.js';

const row = Float64Array.of(Math.log(1), Math.log(2), Math.log(5), Math.log(8)); // probabilities 1/16, 2/16, 5/16, 8/16
const prompt = (answers: number[], wrongAnswers: number[]) => ({ index: 4, answers, wrongAnswers });

describe('promptAnswerValue', () => {
  it('takes means over each side, however many tokens it has', () => {
    const uneven = prompt([2, 3], [0]);
    expect(promptAnswerValue(row, uneven, 'prob', 'value')).toBeCloseTo(13 / 32, 14);
    expect(promptAnswerValue(row, uneven, 'prob', 'wrong')).toBeCloseTo(1 / 16, 14);
    expect(promptAnswerValue(row, uneven, 'prob', 'diff')).toBeCloseTo(13 / 32 - 1 / 16, 14);
    expect(promptAnswerValue(row, uneven, 'logit', 'diff')).toBeCloseTo((Math.log(5) + Math.log(8)) / 2, 14);
  });

  it('needs only the side that is asked for', () => {
    expect(promptAnswerValue(row, prompt([3], []), 'prob', 'value')).toBeCloseTo(0.5, 14);
    expect(promptAnswerValue(row, prompt([], [3]), 'prob', 'wrong')).toBeCloseTo(0.5, 14);
    expect(errorOf(() => promptAnswerValue(row, prompt([3], []), 'prob', 'diff'))).toMatchObject({
      code: 'missing-wrong-answers',
      fields: { prompt: 4 },
    });
    expect(errorOf(() => promptAnswerValue(row, prompt([], [3]), 'prob', 'diff'))).toMatchObject({
      code: 'invalid-prompt',
      fields: { prompt: 4 },
    });
  });
});

it.each([4, -1, 1.5])('answerTokens refuses %d in a vocabulary of four', (token) => {
  expect(answerTokens(prompt([0, 3], []), 'answers', 4)).toEqual([0, 3]);
  expect(errorOf(() => answerTokens(prompt([0, token], []), 'answers', 4))).toMatchObject({
    code: 'token-out-of-range',
    fields: { prompt: 4, token, vocab: 4 },
  });
});
