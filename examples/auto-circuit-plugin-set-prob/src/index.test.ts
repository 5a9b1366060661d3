import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseObjective, floatTensor, objectiveOnLogits } from '@auto-circuit/core/plugin';
import { objectiveContract, runContract } from '@auto-circuit/core/testing';
import { setProb } from './index.js';

runContract('set-prob', objectiveContract(setProb), { describe, it });

describe('what is its own', () => {
  const logits = floatTensor(Float64Array.from([Math.log(1), Math.log(2), Math.log(5)]), [1, 3]); // p = 1/8, 2/8, 5/8
  const prompt = { index: 0, clean: [0], corrupt: [1], answers: [1, 0], wrongAnswers: [] };
  for (const [count, loss] of [
    [2, 1 - 3 / 8],
    [1, 1 - 2 / 8],
  ] as const) {
    it(`is ${loss} for ${count} answers`, () => {
      const { objective } = chooseObjective(setProb, { count });
      const [got] = objectiveOnLogits(objective, logits, { length: 1, prompts: [prompt] });
      assert.ok(Math.abs(got! - loss) < 1e-12, `${got}`);
    });
  }
});
