import { parseOptions } from '@auto-circuit/core/plugin';
import { memoryCheckpoint, pruneAlgoContext } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { exact, integratedEdgeGradients, subnetworkProbing, ugs } from './index.js';

describe('work that was stopped', () => {
  it('goes on inside a batch: exact runs no edge twice', async () => {
    const { context, dispose } = await pruneAlgoContext({ batches: [2, 3] });
    const { graph, model } = context;
    let runs = 0;
    const counted: typeof model = Object.assign(Object.create(model) as typeof model, {
      patchedRun: (...args: Parameters<typeof model.patchedRun>) => {
        runs++;
        return model.patchedRun(...args);
      },
      async *patchedVariants(...args: Parameters<typeof model.patchedVariants>) {
        for await (const group of model.patchedVariants(...args)) {
          runs += group.logits.length;
          yield group;
        }
      },
    });
    const checkpoint = memoryCheckpoint();
    const controller = new AbortController();
    const stopAt = graph.edgeCount + 5;
    const report = (done: number): void => {
      if (done === stopAt) controller.abort();
    };
    const first = exact.score(
      { ...context, model: counted, checkpoint, signal: controller.signal, progress: { report } },
      {},
    );
    await expect(first).rejects.toThrow(/abort/i);
    expect(checkpoint.saves()).toBe(1);
    const done: number[] = [];
    await exact.score({ ...context, model: counted, checkpoint, progress: { report: (n) => done.push(n) } }, {});
    expect(done[0]).toBe(stopAt + 1);
    expect(done.at(-1)).toBe(2 * graph.edgeCount);
    expect(runs).toBe(2 * graph.edgeCount + 3); // baselines: one for each batch, one more after the stop
    await dispose();
  });
  it('is refused by other work', async () => {
    const { context, dispose } = await pruneAlgoContext({ batches: [2, 2] });
    const checkpoint = memoryCheckpoint();
    const options = (samples: number) => parseOptions(integratedEdgeGradients.options, { samples }, 'test');
    const controller = new AbortController();
    const report = (done: number): void => {
      if (done >= 4) controller.abort();
    };
    const stopped = integratedEdgeGradients.score(
      { ...context, checkpoint, signal: controller.signal, progress: { report } },
      options(3),
    );
    await expect(stopped).rejects.toThrow(/abort/i);
    const other = integratedEdgeGradients.score({ ...context, checkpoint }, options(4));
    await expect(other).rejects.toMatchObject({ code: 'wrong-checkpoint', fields: { name: 'work' } });
    await dispose();
  });
  for (const algo of [subnetworkProbing, ugs]) {
    it(`goes on with the next step of a training: ${algo.name}`, async () => {
      const { context, dispose } = await pruneAlgoContext({ batches: [2, 2] });
      const options = parseOptions(algo.options, { epochs: 4 }, 'test');
      const whole = await algo.score(context, options);
      const checkpoint = memoryCheckpoint();
      const controller = new AbortController();
      const report = (done: number): void => {
        if (done === 3) controller.abort();
      };
      const stopped = algo.score({ ...context, checkpoint, signal: controller.signal, progress: { report } }, options);
      await expect(stopped).rejects.toThrow(/abort/i);
      const done: number[] = [];
      const resumed = await algo.score({ ...context, checkpoint, progress: { report: (n) => done.push(n) } }, options);
      expect(done).toEqual([4, 5, 6, 7, 8]); // 4 epochs of 2 batches
      expect(resumed).toEqual(whole);
      await dispose();
    });
  }
});
