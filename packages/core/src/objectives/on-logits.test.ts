import { describe, expect, it } from 'vitest';
import type { PromptBatch } from '../prompts/types.js';
import { floatTensor } from '../tensor/tensor.js';
import { errorOf } from '../testing/errors.js';
import type { Objective } from './objective.js';
import { objectiveOnLogits } from './on-logits.js';

/** Softmax of [ln 1, ln 2, ln 5] is [1/8, 2/8, 5/8]; of [0, 0, 0] thirds. */
const logits = floatTensor(Float64Array.of(Math.log(1), Math.log(2), Math.log(5), 0, 0, 0), [2, 3]);
const prompt = (index: number, answers: number[], wrongAnswers: number[]) => ({
  index,
  clean: [1, 2],
  corrupt: [1, 3],
  answers,
  wrongAnswers,
});
const batch: PromptBatch = { prompts: [prompt(0, [2], [0, 1]), prompt(1, [0, 1], [2])], length: 2 };

const answers = (tokenFunction: 'logit' | 'prob' | 'logprob' | 'logitExp', value: 'diff' | 'value'): Objective => ({
  kind: 'answers',
  tokenFunction,
  value,
});
const close = (got: Float64Array, expected: readonly number[]): void => {
  expect(got).toHaveLength(expected.length);
  // A handful of float64 operations on numbers below 10.
  for (const [i, x] of expected.entries()) expect(Math.abs(got[i]! - x)).toBeLessThan(20 * 10 * Number.EPSILON);
};

describe('objectiveOnLogits', () => {
  it('takes minus the mean over answers, less the mean over wrong answers', () => {
    const wrong = (Math.log(1) + Math.log(2)) / 2;
    close(objectiveOnLogits(answers('logit', 'diff'), logits, batch), [wrong - Math.log(5), 0]);
    close(objectiveOnLogits(answers('logit', 'value'), logits, batch), [-Math.log(5), 0]);
    close(objectiveOnLogits(answers('prob', 'diff'), logits, batch), [3 / 16 - 5 / 8, 0]);
    close(objectiveOnLogits(answers('prob', 'value'), logits, batch), [-5 / 8, -1 / 3]);
    close(objectiveOnLogits(answers('logitExp', 'value'), logits, batch), [-5 / 8, -1 / 3]);
    close(objectiveOnLogits(answers('logprob', 'value'), logits, batch), [-Math.log(5 / 8), Math.log(3)]);
    close(objectiveOnLogits(answers('logprob', 'diff'), logits, batch), [wrong - Math.log(5), 0]);
  });
  it('takes the mean squared difference to targets over the vocabulary', () => {
    const targets = floatTensor(Float32Array.of(0, 0, 0, 1, 2, 3), [2, 3]);
    const squares = Math.log(2) ** 2 + Math.log(5) ** 2;
    close(objectiveOnLogits({ kind: 'mse', tokenFunction: 'logit', targets }, logits, batch), [squares / 3, 14 / 3]);
    const probs = (1 + 4 + 25) / 64;
    const thirds = (2 / 3) ** 2 + (5 / 3) ** 2 + (8 / 3) ** 2;
    close(objectiveOnLogits({ kind: 'mse', tokenFunction: 'prob', targets }, logits, batch), [probs / 3, thirds / 3]);
  });
  it('takes KL from the reference to the run', () => {
    const flat = floatTensor(new Float32Array(6), [2, 3]);
    const kl = (Math.log(8 / 3) + Math.log(8 / 6) + Math.log(8 / 15)) / 3;
    close(objectiveOnLogits({ kind: 'kl' }, logits, batch, { cleanLogits: flat }), [kl, 0]);
    // the objective's own reference wins over the clean run
    close(objectiveOnLogits({ kind: 'kl', referenceLogits: flat }, logits, batch, { cleanLogits: logits }), [kl, 0]);
    expect(errorOf(() => objectiveOnLogits({ kind: 'kl' }, logits, batch))).toMatchObject({ code: 'internal' });
  });
  it('does not overflow on large logits', () => {
    const large = floatTensor(Float64Array.of(1e4, 1e4, 0, -1e4, 0, 1e4), [2, 3]);
    close(objectiveOnLogits(answers('prob', 'value'), large, batch), [0, 0]);
    expect([...objectiveOnLogits({ kind: 'kl' }, large, batch, { cleanLogits: large })]).toEqual([0, 0]);
  });
  it('refuses prompts without the answers it needs, tokens outside the vocabulary and other shapes', () => {
    const of = (answerTokens: number[], wrongTokens: number[]): PromptBatch => ({
      prompts: [batch.prompts[0]!, prompt(7, answerTokens, wrongTokens)],
      length: 2,
    });
    const diff = answers('logit', 'diff');
    const refused = (prompts: PromptBatch) => expect(errorOf(() => objectiveOnLogits(diff, logits, prompts)));
    refused(of([0], [])).toMatchObject({ code: 'missing-wrong-answers', fields: { prompt: 7 } });
    refused(of([], [1])).toMatchObject({ code: 'invalid-prompt', fields: { prompt: 7 } });
    refused(of([3], [1])).toMatchObject({ code: 'token-out-of-range', fields: { prompt: 7, token: 3, vocab: 3 } });
    expect([...objectiveOnLogits(answers('logit', 'value'), logits, of([0], []))]).toHaveLength(2);
    const three = floatTensor(new Float64Array(9), [3, 3]);
    expect(errorOf(() => objectiveOnLogits(diff, three, batch))).toMatchObject({
      code: 'wrong-shape',
      fields: { shape: [3, 3], expectedShape: [2, 3] },
    });
    const targets = floatTensor(new Float32Array(4), [2, 2]);
    expect(
      errorOf(() => objectiveOnLogits({ kind: 'mse', tokenFunction: 'logit', targets }, logits, batch)),
    ).toMatchObject({ code: 'wrong-shape' });
  });
});
