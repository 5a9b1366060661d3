/** @file Metric `percent-correct-above-wrong`: how often an answer beats all wrong answers. */
import { answerTokens, defineMetric } from '@auto-circuit/core/plugin';
import { eachPrompt } from '../shared/prompt-values.js';
import { meanValue } from '../shared/statistics.js';

/**
 * Percent of prompts where the highest logit among answers and wrong answers belongs to an answer. A tie does not count.
 * Standard error over prompts.
 *
 * Use it as accuracy between the two, whatever other tokens do.
 */
export const percentCorrectAboveWrong = defineMetric({
  name: 'percent-correct-above-wrong',
  doc: 'percent of prompts where an answer has a higher logit than all wrong answers',
  formula: '100 · share of prompts where an answer has a higher logit than every wrong answer',
  use: 'For multiple choice: the other tokens do not count.',
  options: {},
  higherIsBetter: true,
  needsWrongAnswers: true,
  unit: '%',
  reads: ['answers'],
  measure: ({ circuit, outputSize }) =>
    meanValue(
      'percent-correct-above-wrong',
      eachPrompt(circuit, outputSize, (row, prompt) => {
        const best = (side: 'answers' | 'wrongAnswers'): number =>
          answerTokens(prompt, side, outputSize).reduce(
            (most, token) => Math.max(most, row.logit(token)),
            Number.NEGATIVE_INFINITY,
          );
        return best('answers') > best('wrongAnswers') ? 100 : 0;
      }),
    ),
});
