import {
  type Checkpoint,
  type CheckpointData,
  type PruneAlgoContext,
  parseOptions,
  type Trainer,
} from '@auto-circuit/core/plugin';
import {
  type DamagedCheckpoint,
  damagedCheckpoints,
  memoryCheckpoint,
  pruneAlgoContext,
} from '@auto-circuit/core/testing';
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
import { ActivationNoise } from './training/activation-noise.js';
import { EdgePruningTraining } from './training/edge-pruning-training.js';
import { InformationTraining } from './training/information-training.js';

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
  InformationTraining: async ({ model, batches }) =>
    InformationTraining.create(model, batches, {
      seed: 3,
      noise: await ActivationNoise.of(model, batches, {}),
      learningRate: 0.2,
      epochs: 3,
      beta: 0.3,
      init: 1,
      warmStart: null,
      pace: { warmup: 0, decay: 'linear' },
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
    for (const { what, name, data } of damagedCheckpoints(saved.toCheckpoint(), { notNegative: /\/square$/ })) {
      const refused = expect.objectContaining({ code: 'wrong-checkpoint', fields: expect.objectContaining({ name }) });
      expect(() => training.restore(data), what).toThrow(refused);
      expect(training.toCheckpoint(), what).toEqual(start);
    }
    await dispose();
  });
});

type Score = (context: Partial<PruneAlgoContext>) => Promise<unknown>;
/** What an algorithm has saved when it is stopped after so many steps. */
async function stopped(run: Score, at: number) {
  const checkpoint = memoryCheckpoint();
  const controller = new AbortController();
  const report = (done: number): void => {
    if (done === at) controller.abort();
  };
  await expect(run({ checkpoint, signal: controller.signal, progress: { report } })).rejects.toThrow(/abort/i);
  return (await checkpoint.load())!;
}
const holding = (data: CheckpointData): Checkpoint => ({ load: async () => data, save: async () => undefined });

/** Requires that an algorithm goes on from what it saved to the same scores, and from nothing that is damaged. */
async function refusesDamage(run: Score, saved: CheckpointData, more: readonly DamagedCheckpoint[]): Promise<void> {
  expect(await run({ checkpoint: holding(saved) })).toEqual(await run({}));
  for (const { what, name, data } of more) {
    const fields = { name: name.replace('training/', ''), expected: expect.any(String), got: expect.any(String) };
    await expect(run({ checkpoint: holding(data) }), what).rejects.toMatchObject({ code: 'wrong-checkpoint', fields });
  }
}
const changed = ({ state, arrays }: CheckpointData, name: string, parts: CheckpointData['state']) => ({
  what: JSON.stringify(parts),
  name,
  data: { state: { ...state, ...parts }, arrays },
});
const withArray = ({ state, arrays }: CheckpointData, name: string, numbers: readonly number[], named = name) => ({
  what: `${name}: ${numbers}`,
  name: named,
  data: { state, arrays: { ...arrays, [name]: Float64Array.from(numbers) } },
});

it('circuit probing goes on from no damaged checkpoint', async () => {
  const { context, dispose } = await pruneAlgoContext({ batches: [2, 2] });
  const options = parseOptions(circuitProbing.options, { epochs: 2, sizes: '2,6' }, 'test');
  const run: Score = (more) => circuitProbing.score({ ...context, ...more }, options);
  const saved = await stopped(run, 6);
  expect(saved.state).toMatchObject({ at: 1, steps: 2 });
  await refusesDamage(run, saved, [
    ...damagedCheckpoints(saved, { whole: /^ranks$/, notNegative: /\/square$/ }),
    withArray(saved, 'ranks', [2, ...saved.arrays.ranks!.subarray(1)]), // of a size that is not done
  ]);
  await dispose();
});

it('ACDC goes on from no damaged checkpoint', async () => {
  const { context, dispose } = await pruneAlgoContext({ batches: [2, 2] });
  const options = parseOptions(acdc.options, { taus: '1e-4,0.01,0.1', prompts: 'all' }, 'test');
  const run: Score = (more) => acdc.score({ ...context, ...more }, options);
  const saved = await stopped(run, 6);
  const { branchOfTau, visited, removedCounts } = saved.arrays;
  expect(saved.state.branches).toBe(2);
  const longest = removedCounts![0]! >= removedCounts![1]! ? 0 : 1;
  const removed = [...saved.arrays[`removed/${longest}`]!];
  expect(removed.length).toBeGreaterThan(1);
  await refusesDamage(run, saved, [
    ...damagedCheckpoints(saved, {
      whole: /^(branchOfTau|visited|removedCounts|removed\/\d+)$/,
      notNegative: /^(distances|rates)$/,
    }),
    withArray(saved, 'branchOfTau', [...branchOfTau!.with(0, 2)]),
    withArray(saved, 'branchOfTau', [0, 0, 0]), // nothing is left for the other branch
    withArray(saved, 'visited', [...visited!.with(0, context.graph.edgeCount + 1)]),
    withArray(saved, 'visited', [1, 1], `removed/${longest}`), // more is removed than has been seen
    withArray(saved, 'rates', [1.5, 0]),
    withArray(saved, `removed/${longest}`, removed.toReversed()),
    withArray(saved, `removed/${longest}`, removed.fill(removed[0]!)),
  ]);
  await dispose();
});

it('exact patching goes on from no damaged checkpoint', async () => {
  const { context, dispose } = await pruneAlgoContext({ batches: [2, 1] });
  const run: Score = (more) => exact.score({ ...context, ...more }, {});
  const saved = await stopped(run, context.graph.edgeCount + 5);
  expect(saved.state).toMatchObject({ prompts: 2, batchesDone: 1, edgesDone: 5 });
  await refusesDamage(run, saved, [
    ...damagedCheckpoints(saved, { notNegative: /^squares\// }),
    ...[0, 2].map((batchesDone) => changed(saved, 'prompts', { batchesDone })),
    ...[0, 1, 3].map((prompts) => changed(saved, 'prompts', { prompts })),
    changed(saved, 'sample/blocks.0.head_inputs', { batchesDone: 2, prompts: 3 }), // its scores are of two prompts
    ...[0, 4, 6].map((edgesDone) => changed(saved, 'differences', { edgesDone })),
    changed(saved, 'edgesDone', { edgesDone: context.graph.edgeCount }),
  ]);
  await dispose();
});

describe.each([
  ['EAP', eap, {}, 0],
  ['node attribution', nodeAttribution, { gradient: 'ig-inputs', steps: 2 }, 0],
  ['node attribution with neurons', nodeAttribution, { neurons: true }, 2],
] as const)('%s', (_, algo, given, width) => {
  it('goes on from no damaged checkpoint', async () => {
    const { context, dispose } = await pruneAlgoContext({ batches: [2, 1] });
    const options = parseOptions(algo.options, given, 'test');
    const run: Score = (more) => algo.score({ ...context, ...more }, options as never);
    const saved = await stopped(run, 'steps' in given ? 2 : 1);
    expect(saved.state).toMatchObject({ prompts: 2, batchesDone: 1 });
    expect(saved.arrays.means!.length).toBe(width * context.graph.sources.length);
    await refusesDamage(run, saved, [
      ...damagedCheckpoints(saved, { notNegative: /^squares\// }),
      ...[0, 2].map((batchesDone) => changed(saved, 'prompts', { batchesDone })),
      ...[0, 1, 3].map((prompts) => changed(saved, 'prompts', { prompts })),
      changed(saved, 'work', { work: 'other' }),
    ]);
    await dispose();
  });
});

it('means over points are taken up in the middle of the first batch', async () => {
  const { context, dispose } = await pruneAlgoContext({ batches: [2, 1] });
  const options = parseOptions(nodeAttribution.options, { gradient: 'ig-inputs', steps: 2, neurons: true }, 'test');
  const run: Score = (more) => nodeAttribution.score({ ...context, ...more }, options);
  const saved = await stopped(run, 1);
  expect(saved.arrays.means!.length).toBe(0);
  await refusesDamage(run, saved, damagedCheckpoints(saved, { notNegative: /^squares\// }));
  await dispose();
});

it('exact patching stops where infinite losses are subtracted, so that no checkpoint holds NaN', async () => {
  const { context, dispose } = await pruneAlgoContext({ batches: [2] });
  const overflowing = new Proxy(context.model, {
    get(model, name) {
      const own = Reflect.get(model, name, model);
      if (name !== 'patchedVariants') return typeof own === 'function' ? own.bind(model) : own;
      return async function* (...request: Parameters<typeof model.patchedVariants>) {
        for await (const { baseline, logits } of model.patchedVariants(...request)) {
          for (const { data } of [baseline!, ...logits]) data.set([Number.POSITIVE_INFINITY]);
          yield { baseline, logits };
        }
      };
    },
  });
  const checkpoint = memoryCheckpoint();
  const refused = exact.score({ ...context, model: overflowing, checkpoint }, {});
  const { module } = context.graph.destinationBlocks[0]!;
  await expect(refused).rejects.toMatchObject({ code: 'not-finite', fields: { module } });
  expect(checkpoint.saves()).toBe(0);
  await dispose();
});
