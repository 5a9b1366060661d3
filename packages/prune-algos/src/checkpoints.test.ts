import {
  type Checkpoint,
  type CheckpointData,
  type PruneAlgoContext,
  parseOptions,
  type Trainer,
} from '@auto-circuit/core/plugin';
import { damagedCheckpoints, memoryCheckpoint, pruneAlgoContext } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import {
  acdc,
  circuitProbing,
  eap,
  exact,
  KnockoutTraining,
  MaskTraining,
  nodeAttribution,
  seededNoise,
} from './index.js';
import { EdgePruningTraining } from './training/edge-pruning-training.js';

const patch = { kind: 'resample', from: 'corrupt' } as const;
const masks = { patch, maskFunction: 'hard-concrete', learningRate: 0.1, epochs: 3, init: 0.3, lambda: 0.1 } as const;
const TRAININGS: Readonly<
  Record<string, (context: PruneAlgoContext) => Promise<Trainer & { parameters: Float64Array }>>
> = {
  MaskTraining: ({ model, batches }) =>
    MaskTraining.create(model, batches, {
      ...masks,
      patchType: 'tree',
      input: 'clean',
      target: 'kl',
      noise: seededNoise(3, 'test'),
      size: null,
      avoid: [],
      avoidLambda: 1,
    }),
  EdgePruningTraining: ({ model, batches }) =>
    EdgePruningTraining.create(model, batches, {
      patch,
      seed: 3,
      steps: 6,
      warmup: 3,
      learningRate: 0.3,
      multiplierRate: 0.3,
      sparsity: 0.7,
    }),
  KnockoutTraining: async ({ model, batches }) =>
    new KnockoutTraining(model, batches, {
      ...masks,
      target: 'kl',
      noise: seededNoise(3, 'test'),
      circuit: [0, 3, 4, 12],
      free: 0.2,
    }),
};

const steps = async (training: Trainer, count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await training.step();
};

describe.each(Object.entries(TRAININGS))('%s', (_, begin) => {
  it('goes on bit for bit from a checkpoint', async () => {
    const { context, dispose } = await pruneAlgoContext({ batches: [2, 2] });
    const [whole, first, second] = [await begin(context), await begin(context), await begin(context)];
    await steps(whole, 5);
    await steps(first, 2);
    second.restore(structuredClone(first.toCheckpoint()));
    await steps(second, 3);
    expect(second.toCheckpoint()).toEqual(whole.toCheckpoint());
    await dispose();
  });
  it('goes on from no checkpoint that is truncated, incomplete or foreign', async () => {
    const { context, dispose } = await pruneAlgoContext({ batches: [2, 2] });
    const [saved, training] = [await begin(context), await begin(context)];
    await steps(saved, 2);
    const start = training.toCheckpoint();
    for (const { what, name, data } of damagedCheckpoints(saved.toCheckpoint())) {
      const refused = expect.objectContaining({ code: 'wrong-checkpoint', fields: expect.objectContaining({ name }) });
      expect(() => training.restore(data), what).toThrow(refused);
      expect(training.toCheckpoint(), what).toEqual(start);
    }
    await dispose();
  });
});

/** What an algorithm has saved when it is stopped after so many steps. */
async function stopped(run: (context: Partial<PruneAlgoContext>) => Promise<unknown>, at: number) {
  const checkpoint = memoryCheckpoint();
  const controller = new AbortController();
  const report = (done: number): void => {
    if (done === at) controller.abort();
  };
  await expect(run({ checkpoint, signal: controller.signal, progress: { report } })).rejects.toThrow(/abort/i);
  return (await checkpoint.load())!;
}
const holding = (data: CheckpointData): Checkpoint => ({ load: async () => data, save: async () => undefined });

it('circuit probing goes on from no checkpoint that is truncated, incomplete or foreign', async () => {
  const { context, dispose } = await pruneAlgoContext({ batches: [2, 2] });
  const options = parseOptions(circuitProbing.options, { epochs: 2, sizes: '2,6' }, 'test');
  const whole = await circuitProbing.score(context, options);
  const saved = await stopped((more) => circuitProbing.score({ ...context, ...more }, options), 6);
  expect(saved.state).toMatchObject({ at: 1, steps: 2 });
  expect(await circuitProbing.score({ ...context, checkpoint: holding(saved) }, options)).toEqual(whole);
  for (const { what, name, data } of damagedCheckpoints(saved)) {
    const refused = circuitProbing.score({ ...context, checkpoint: holding(data) }, options);
    const named = { name: name.replace('training/', '') };
    await expect(refused, what).rejects.toMatchObject({ code: 'wrong-checkpoint', fields: named });
  }
  await dispose();
});

it('ACDC goes on from no checkpoint that is truncated, incomplete or foreign', async () => {
  const { context, dispose } = await pruneAlgoContext({ batches: [2, 2] });
  const options = parseOptions(acdc.options, { taus: '1e-4,0.01,0.1', prompts: 'all' }, 'test');
  const whole = await acdc.score(context, options);
  const saved = await stopped((more) => acdc.score({ ...context, ...more }, options), 6);
  expect(saved.state.branches).toBeGreaterThan(1);
  expect(await acdc.score({ ...context, checkpoint: holding(saved) }, options)).toEqual(whole);
  for (const { what, name, data } of damagedCheckpoints(saved)) {
    const refused = acdc.score({ ...context, checkpoint: holding(data) }, options);
    await expect(refused, what).rejects.toMatchObject({ code: 'wrong-checkpoint', fields: { name } });
  }
  await dispose();
});

it('exact patching goes on from no checkpoint without all of its differences', async () => {
  const { context, dispose } = await pruneAlgoContext({ batches: [2, 2] });
  const saved = await stopped((more) => exact.score({ ...context, ...more }, {}), context.graph.edgeCount + 5);
  for (const { what, name, data } of damagedCheckpoints(saved)) {
    if (!['differences', 'batchesDone', 'edgesDone'].includes(name) || what.endsWith('not finite')) continue;
    const refused = exact.score({ ...context, checkpoint: holding(data) }, {});
    await expect(refused, what).rejects.toMatchObject({ code: 'wrong-checkpoint', fields: { name } });
  }
  await dispose();
});

it('means over prompts go on from no checkpoint without their sums', async () => {
  const { context, dispose } = await pruneAlgoContext({ batches: [2, 2] });
  const options = parseOptions(nodeAttribution.options, { neurons: true }, 'test');
  const { state, arrays } = await stopped((more) => nodeAttribution.score({ ...context, ...more }, options), 1);
  const { means: _, ...others } = arrays;
  const without = nodeAttribution.score({ ...context, checkpoint: holding({ state, arrays: others }) }, options);
  await expect(without).rejects.toMatchObject({ code: 'wrong-checkpoint', fields: { name: 'means' } });
  const ofOther = eap.score({ ...context, checkpoint: holding({ state, arrays }) }, {});
  await expect(ofOther).rejects.toMatchObject({ code: 'wrong-checkpoint', fields: { name: 'work' } });
  await dispose();
});
