import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { metricContext, metricContract, runContract } from '@auto-circuit/core/testing';
import { topAnswers } from './index.js';

runContract('top-answers', metricContract(topAnswers), { describe, it });
runContract('top-answers(top=3)', metricContract(topAnswers, { options: { top: 3 } }), { describe, it });

describe('what is its own', () => {
  it('counts prompts, and every position of those that are read at several', () => {
    const context = metricContext({ prompts: 1 });
    const outputs = (logits: readonly number[], positions: number) => {
      const sides = { index: 0, answers: [1], wrongAnswers: [] };
      const prompt = { ...sides, clean: [1], corrupt: [2], byPosition: Array.from({ length: positions }, () => sides) };
      return [{ batch: { length: 1, prompts: [prompt] }, logits: Float32Array.from(logits) }];
    };
    const value = (logits: readonly number[], positions: number, top: number): number =>
      topAnswers.measure({ ...context, outputSize: 3, circuit: outputs(logits, positions) }, { top }).value;
    assert.equal(value([5, 4, 1], 1, 1), 0);
    assert.equal(value([5, 4, 1], 1, 2), 100);
    assert.equal(value([5, 4, 1, 0, 9, 1], 2, 1), 50);
  });
});
