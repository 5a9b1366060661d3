/** @file `model` on shipped models. */
/** `model` on named sizes: what it says without fetching anything. */
import { NAMED_SIZES } from '@auto-circuit/models';
import { describe, expect, it } from 'vitest';
import { runMain } from '../test/run-main.js';

const factsOf = async (...args: string[]) => {
  const { code, stdout } = await runMain(['model', ...args, '--json'], { cwd: import.meta.dirname });
  expect(code).toBe(0);
  return JSON.parse(stdout);
};

describe('model', () => {
  it('counts GPT-2 small: 157 sources, 445 destinations, 32,491 edges', async () => {
    const facts = await factsOf('gpt2', '--no-process');
    expect(facts.parameters).toBe(124_439_808);
    expect(facts.memory_bytes).toMatchObject({ weights: 4 * 124_439_808, per_token: 157 * 768 * 4 });
    // 1 + 12 · (12 + 1); 12 · (36 + 1) + 1
    expect(facts.graphs['split QKV']).toEqual({ sources: 157, destinations: 445, edges: 32_491 });
    expect(Object.keys(facts.graphs)).toEqual(['split QKV', 'joint QKV', 'residual graph']);
  });

  it('counts every named size, with edges as Σ over layers of inputs × sources before them', async () => {
    for (const name of Object.keys(NAMED_SIZES)) {
      const { layout, graphs } = await factsOf(name);
      const { layers, heads, mlp, parallel } = layout;
      let [edges, before] = [0, 1];
      for (let l = 0; l < layers; l++) {
        edges += 3 * heads * before + (mlp ? before + (parallel ? 0 : heads) : 0);
        before += heads + (mlp ? 1 : 0);
      }
      expect([name, graphs['split QKV'].edges]).toEqual([name, edges + before]);
      expect([name, graphs['split QKV'].sources]).toEqual([name, before]);
    }
  });
});
