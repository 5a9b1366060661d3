import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildGraph, createPatchableModel, interpreterBackend } from '@auto-circuit/core';
import { chooseAblation } from '@auto-circuit/core/plugin';
import { ablationContract, runContract, tinyPrompts, tinyTransformer } from '@auto-circuit/core/testing';
import { gaussian } from './index.js';

runContract('gaussian', ablationContract(gaussian), { describe, it });

describe('what is its own', () => {
  it('moves what sources write by the multiple that is asked for', async () => {
    const tiny = tinyTransformer();
    const graph = buildGraph(tiny.spec.layout);
    const model = await createPatchableModel({ model: tiny, graph, backend: interpreterBackend() });
    const batch = tinyPrompts(4);
    const clean = await model.sourceOutputs(batch, { kind: 'resample', from: 'clean' });
    const moved = async (times: number): Promise<number> => {
      const context = { model, graph, batches: [batch], from: 'corrupt', seed: 1 } as const;
      const { data } = await model.sourceOutputs(batch, await chooseAblation(gaussian, { times }).patch(context));
      const ratio = (of: (i: number) => number): number => data.reduce((sum, _, i) => sum + of(i) ** 2, 0);
      return Math.sqrt(ratio((i) => data[i]! - clean.data[i]!) / ratio((i) => clean.data[i]!));
    };
    assert.equal(await moved(0), 0);
    const [one, two] = [await moved(1), await moved(2)];
    assert.ok(Math.abs(two / one - 2) < 1e-4, `${two / one}`); // the same draws, twice as large
    assert.ok(one > 0.5 && one < 2, `${one}`);
    await model.dispose();
  });
});
