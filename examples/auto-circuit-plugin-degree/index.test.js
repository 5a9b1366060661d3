// @ts-check
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { flattenScores } from '@auto-circuit/core/plugin';
import { pruneAlgoContext, pruneAlgoContract, runContract } from '@auto-circuit/core/testing';
import { degree } from './index.js';

// The suite that AutoCircuit's own algorithms pass.
runContract('degree', pruneAlgoContract(degree), { describe, it });

/** @param {number} power */
async function scoresWith(power) {
  const { context, dispose } = await pruneAlgoContext({});
  const { scores } = await degree.score(context, { power });
  const flat = flattenScores(context.graph, scores);
  await dispose();
  return flat;
}

describe('what is its own', () => {
  it('keeps signs, and weakens every edge but those between the best connected nodes', async () => {
    const [plain, weighted] = [await scoresWith(0), await scoresWith(1)];
    assert.ok(plain.some((score) => score !== 0));
    for (const [i, score] of weighted.entries()) {
      assert.ok(Math.abs(score) <= Math.abs(plain[i]));
      assert.ok(Math.sign(score) === Math.sign(plain[i]));
    }
    assert.notDeepEqual(weighted, plain);
  });
});
