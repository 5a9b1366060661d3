/** @file Metric `percent-correct`: how often an answer has the highest logit of all. */
import { answerTokens, defineMetric } from '@auto-circuit/core/plugin';
import { eachPrompt } from '../shared/prompt-values.js';
import { meanValue } from '../shared/statistics.js';

/**
 * Percent of prompts whose highest logit, over the whole vocabulary, belongs to one of the answers. A tie with a token that is
 * no answer does not count. Standard error over prompts.
 *
 * Use it as accuracy: what the model would say if it had to name one token.
 */
export const percentCorrect = defineMetric({
  name: 'percent-correct',
  doc: 'percent of prompts where an answer has the highest logit of all',
  formula: '100 · share of prompts where an answer has the highest logit of the vocabulary',
  use: 'To report how often the circuit answers correctly. It moves in steps, so use it beside a smooth metric.',
  options: {},
  higherIsBetter: true,
  needsWrongAnswers: false,
  unit: '%',
  reads: ['answers'],
  measure: ({ circuit, outputSize }) =>
    meanValue(
      'percent-correct',
      eachPrompt(circuit, outputSize, (row, sides) => {
        const answers = answerTokens(sides, 'answers', outputSize);
        const best = answers.reduce((most, token) => Math.max(most, row.logit(token)), Number.NEGATIVE_INFINITY);
        const asGood = new Set(answers.filter((token) => row.logit(token) >= best)).size;
        return row.atLeastBest(sides) > asGood ? 0 : 100;
      }),
    ),
});
