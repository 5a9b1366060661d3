import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { flattenScores } from '@auto-circuit/core/plugin';
import {
  pruneAlgoContext,
  pruneAlgoContract,
  runContract,
  tinyPrompts,
  tinyTransformer,
} from '@auto-circuit/core/testing';
import { eapGp } from './index.js';

// Its path follows the corrupt prompts, whatever is patched in.
runContract('eap-gp', pruneAlgoContract(eapGp, { options: { steps: 3 }, mixesSides: true }), { describe, it });

describe('what is its own', () => {
  it('is edge attribution patching with one point, and something else with several', async () => {
    const { context, dispose } = await pruneAlgoContext({ model: tinyTransformer(), batches: [1] });
    const batch = tinyPrompts(2);
    const on = { ...context, batches: [batch] };
    const scores = async (steps: number) => flattenScores(context.graph, (await eapGp.score(on, { steps })).scores);
    const { patch, objective } = context;
    const { tensors } = await context.model.maskGradient(batch, { input: 'clean', patch, objective });
    const mean = Object.fromEntries(
      Object.entries(tensors).map(([module, { shape, data }]) => {
        const each = data.length / 2;
        const of = (i: number): number => (data[i]! + data[i + each]!) / 2;
        return [
          module,
          { dtype: 'float', shape: shape.slice(1), data: Float32Array.from({ length: each }, (_, i) => of(i)) },
        ];
      }),
    ) as Parameters<typeof flattenScores>[1];
    const eap = flattenScores(context.graph, mean);
    const [one, five] = [await scores(1), await scores(5)];
    const largest = Math.max(...eap.map(Math.abs));
    for (const [edge, score] of one.entries()) assert.ok(Math.abs(score - eap[edge]!) < 1e-5 * largest);
    assert.ok(five.some((score, edge) => Math.abs(score - eap[edge]!) > 1e-2 * largest));
    await dispose();
  });
});
