import { edgesByName, flattenScores, type PruneAlgoContext, parseOptions } from '@auto-circuit/core/plugin';
import { memoryCheckpoint, pruneAlgoContext, tinyPrompts, tinyTransformer } from '@auto-circuit/core/testing';
import { describe, expect, it, vi } from 'vitest';
import { relp } from '../gradient/relp.js';
import { cdT } from './cd-t.js';
import { exact } from './exact.js';

type TinyShape = Parameters<typeof tinyTransformer>[0];
async function tiny(shape: TinyShape, prompts = 3) {
  const { context, dispose } = await pruneAlgoContext({ model: tinyTransformer(shape), batches: [1] });
  return { context: { ...context, batches: [tinyPrompts(prompts)] }, dispose };
}
const scored = async (context: PruneAlgoContext, options: Record<string, unknown> = {}) =>
  flattenScores(context.graph, (await cdT.score(context, parseOptions(cdT.options, options, 'test'))).scores);
function close(got: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(got.length).toBe(expected.length);
  for (let i = 0; i < got.length; i++) expect(Math.abs(got[i]! - expected[i]!)).toBeLessThan(tolerance);
}

describe('contextual decomposition', () => {
  it('is exact where nothing is held: a model without attention and norms', async () => {
    const { context, dispose } = await pruneAlgoContext({ batches: [3, 2] });
    const slow = await exact.score(context, {});
    const fast = await cdT.score(context, parseOptions(cdT.options, {}, 'test'));
    // float32 logits up to 100 of this model
    close(flattenScores(context.graph, fast.scores), flattenScores(context.graph, slow.scores), 1e-4);
    close(flattenScores(context.graph, fast.standardErrors!), flattenScores(context.graph, slow.standardErrors!), 1e-4);
    await dispose();
  });

  it('is linear where only patterns and norms are not, which relp goes through by gradients', async () => {
    for (const shape of [
      { mlp: false },
      { mlp: false, heads: 4, kvHeads: 2 },
      { mlp: false, norm: 'rmsNorm' },
    ] as const) {
      const { context, dispose } = await tiny(shape);
      const byGradient = await relp.score(context, { frozenPattern: true });
      close(await scored(context), flattenScores(context.graph, byGradient.scores), 1e-5); // float32 logits of a few units
      await dispose();
    }
  });

  it('takes activations as they are: MLPs by themselves have the effect that exact patching finds', async () => {
    const { context, dispose } = await tiny({ norm: null });
    const own = await scored(context);
    const truth = flattenScores(context.graph, (await exact.score(context, {})).scores);
    const linear = flattenScores(context.graph, (await relp.score(context, { frozenPattern: true })).scores);
    // without norms, and behind the last attention, nothing is held
    for (const name of ['A1.0->MLP 1', 'A1.1->MLP 1', 'MLP 0->MLP 1', 'Resid Start->MLP 1', 'MLP 0->Resid End']) {
      const [edge] = edgesByName(context.graph, name) as [number];
      expect(Math.abs(own[edge]! - truth[edge]!), name).toBeLessThan(1e-5);
      if (name.endsWith('MLP 1')) expect(Math.abs(own[edge]! - linear[edge]!), name).toBeGreaterThan(1e-3);
    }
    await dispose();
  });

  it('scores 0 for edges that can only move patterns, and runs the others once', async () => {
    const { context, dispose } = await tiny({});
    const { graph, model } = context;
    const runs = vi.spyOn(model, 'patchedRun');
    const all = await scored(context);
    for (const [, request] of runs.mock.calls) expect(request.frozen).toEqual(['attn.pattern', 'scale']);
    const silent = Array.from({ length: graph.edgeCount }, (_, edge) => edge).filter((edge) => all[edge] === 0);
    expect(silent).toHaveLength((2 + 2) * (1 + 4)); // Q and K of two heads, from 1 source in layer 0 and 4 in layer 1
    expect(runs).toHaveBeenCalledTimes(1 + Math.ceil((graph.edgeCount - silent.length) / Math.floor(64 / 3)));
    const [strong] = edgesByName(graph, 'A0.1->MLP 0') as [number];
    const some = await scored(context, { edges: 'A0.1->MLP 0, A0.0->A1.0.Q, MLP 0->MLP 1', top: 2 });
    expect(some[strong]).toBeCloseTo(all[strong]!, 6);
    expect([...some].filter((score) => score !== 0)).toHaveLength(1);
    await dispose();
  });

  it('goes on inside a batch, to the same last bit', async () => {
    const { context, dispose } = await tiny({}, 16); // four edges in a run
    const whole = await scored(context);
    const checkpoint = memoryCheckpoint();
    const controller = new AbortController();
    const report = (done: number): void => {
      if (done === 8) controller.abort();
    };
    const stopped = scored({ ...context, checkpoint, signal: controller.signal, progress: { report } });
    await expect(stopped).rejects.toThrow(/abort/i);
    expect((await checkpoint.load())!.state).toMatchObject({ batchesDone: 0, edgesDone: 8 });
    expect(await scored({ ...context, checkpoint })).toEqual(whole);
    await dispose();
  });
});
