import { describe, expect, it } from 'vitest';
import { buildGraph } from '../../graph/build.js';
import { maskFromEdges } from '../../graph/circuit.js';
import { floatTensor } from '../../tensor/tensor.js';
import { countingBackend } from '../../testing/counting-backend.js';
import { patchedLogits } from '../../testing/patched-logits.js';
import { tinyPrompts, tinyTransformer } from '../../testing/tiny-transformer.js';
import { createPatchableModel, type PatchableModelRequest } from '../engine.js';

const model = tinyTransformer();
const graph = buildGraph(model.spec.layout);
const BATCH = tinyPrompts(2);
const REQUEST = { input: 'clean', patch: { kind: 'resample', from: 'corrupt' } } as const;
/** Circuits that hold one another: the first so many edges are kept. */
const kept = (count: number) =>
  maskFromEdges(
    graph,
    Array.from({ length: count }, (_, edge) => edge),
    { inside: 0, outside: 1 },
  );

async function open(settings: Partial<PatchableModelRequest> = {}) {
  const { backend, runs } = countingBackend();
  return { patchable: await createPatchableModel({ model, graph, backend, ...settings }), runs };
}

describe('patched runs', () => {
  it.each(['dense', 'noising', 'denoising', undefined] as const)(
    'give what the reference gives, by %s',
    async (way) => {
      const { patchable } = await open(way ? { way } : {});
      for (const count of [0, 3, graph.edgeCount - 2]) {
        const { data } = await patchable.patchedRun(BATCH, { ...REQUEST, mask: kept(count) });
        const expected = patchedLogits({ model, graph, batch: BATCH, mask: kept(count) });
        for (const [i, x] of expected.entries()) expect(Math.abs(data[i]! - x)).toBeLessThan(1e-4);
      }
    },
  );

  it('keep pass 1 from mask to mask, or compute it in every run where it cannot be kept', async () => {
    const roomy = await open({ way: 'dense' });
    const tight = await open({ way: 'dense', keepBytes: 1 });
    for (const { patchable } of [roomy, tight]) {
      for (const count of [1, 2]) await patchable.patchedRun(BATCH, { ...REQUEST, mask: kept(count) });
    }
    expect(roomy.runs).toEqual(['capture', 'patched-fed', 'patched-fed']);
    expect(tight.runs).toEqual(['patched-fused', 'patched-fused']);
  });

  it('take several masks by one run where that costs less, and give each its own logits in order', async () => {
    const { patchable, runs } = await open({ way: 'denoising' });
    const masks = [1, 2, 3, 4, 6, 8].map(kept);
    const together = await patchable.patchedRuns(BATCH, { ...REQUEST, masks });
    expect(runs.filter((name) => name.startsWith('sparse'))).toHaveLength(1);
    for (const [i, mask] of masks.entries()) {
      const { data } = await patchable.patchedRun(BATCH, { ...REQUEST, mask });
      for (const [j, x] of data.entries()) expect(Math.abs(together[i]!.data[j]! - x)).toBeLessThan(1e-5);
    }
    expect(await patchable.patchedRuns(BATCH, { ...REQUEST, masks: [] })).toEqual([]);
  });

  it('on several batches are those of each, and runs of one program come one after the other', async () => {
    const { patchable, runs } = await open({ way: 'denoising' });
    const batches = [tinyPrompts(2), tinyPrompts(1)];
    const requests = batches.map(({ prompts }) => {
      const byPrompt = Object.entries(kept(3).tensors).map(([module, { data, shape }]) => {
        const repeated = prompts.flatMap(() => [...data]);
        return [module, floatTensor(Float32Array.from(repeated), [prompts.length, ...shape])] as const;
      });
      const dense = { perItem: true, tensors: Object.fromEntries(byPrompt) }; // a mask for each prompt has no other program
      return { ...REQUEST, masks: [kept(1), dense, kept(8)] };
    });
    const logits = await patchable.patchedRunsOn(batches, requests);
    const programs = runs.filter((name) => /^(sparse|patched)/.test(name));
    expect(programs).toEqual([...Array(4).fill('sparse-denoising'), 'patched-fed', 'patched-fed']);
    for (const [b, batch] of batches.entries())
      expect(logits[b]).toEqual(await patchable.patchedRuns(batch, requests[b]!));
    const stopped = AbortSignal.abort(new Error('stopped'));
    await expect(patchable.patchedRunsOn(batches, requests, stopped)).rejects.toThrow('stopped');
  });

  it('are made of one plan a request: dense runs of several masks go through one program', async () => {
    const { patchable, runs } = await open({ way: 'dense' });
    const logits = await patchable.patchedRuns(BATCH, { ...REQUEST, masks: [1, 2].map(kept) });
    expect([logits.length, runs]).toEqual([2, ['capture', 'patched-fed', 'patched-fed']]);
  });
});

describe('windows of masks', () => {
  it('hold what one run has tokens for on the smallest batch', async () => {
    const { patchable } = await open({ microBatchTokens: 24 });
    const batches = [tinyPrompts(4), tinyPrompts(2)]; // 12 and 6 tokens
    expect(patchable.maskWindows(batches, 9)).toEqual([
      [0, 4],
      [4, 8],
      [8, 9],
    ]);
    expect(patchable.maskWindows(batches.slice(0, 1), 3)).toEqual([
      [0, 2],
      [2, 3],
    ]);
  });

  it('hold one mask at least, and none of an empty list', async () => {
    const { patchable } = await open({ microBatchTokens: 1 });
    expect(patchable.maskWindows([BATCH], 2)).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(patchable.maskWindows([BATCH], 0)).toEqual([]);
  });

  it('keep outputs of all prompts below 64 MiB', async () => {
    const wide = { ...model, spec: { ...model.spec, outputSize: 2 ** 20 } };
    const { patchable } = await open({ model: wide });
    expect(patchable.maskWindows([BATCH], 100)[0]).toEqual([0, 8]); // 8 MiB a mask
  });
});
