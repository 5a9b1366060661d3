import { describe, expect, it } from 'vitest';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { buildGraph } from '../graph/build.js';
import { maskFromEdges } from '../graph/circuit.js';
import { seededRandom } from '../numeric/seeded-random.js';
import { objectiveOnLogits } from '../objectives/on-logits.js';
import { createPatchableModel } from '../patch/engine.js';
import type { ConstantPatch } from '../patch/requests/ablations.js';
import type { Checkpoint, CheckpointData } from '../plugin/checkpoint.js';
import type { Prompt } from '../prompts/types.js';
import { floatTensor } from '../tensor/tensor.js';
import { damagedCheckpoints } from '../testing/damaged-checkpoints.js';
import { microModel } from '../testing/micro-model.js';
import { ConstantTraining, OPTIMAL_ABLATION, optimalConstants } from './optimal-ablation.js';

const object = microModel([
  [
    [0.5, -0.25],
    [0.25, 0.5],
  ],
  [
    [-0.5, 0.25],
    [0.25, 0.25],
  ],
]);
const prompt = (index: number, a: number, b: number): Prompt => ({
  index,
  clean: [[a, b], [b, a]], // biome-ignore format: tokens
  corrupt: [[b, 1], [1, a]], // biome-ignore format: tokens
  answers: [0],
  wrongAnswers: [1],
});
const batches = [
  { prompts: [prompt(0, 1, 0), prompt(1, 2, 0.5)], length: 2 },
  { prompts: [prompt(2, 0.25, 1), prompt(3, -1, 0.5)], length: 2 },
];
const settings = { steps: 120, learningRate: 0.02, seed: 4 };

const openModel = (graph = buildGraph(object.spec.layout), microBatchTokens?: number) =>
  createPatchableModel({
    model: object,
    graph,
    backend: interpreterBackend(),
    ...(microBatchTokens ? { microBatchTokens } : {}),
  });

describe('constants', () => {
  it('begin at the means over prompts and positions, by their number', async () => {
    const model = await openModel();
    const { values } = await model.constantMeans(batches, 'clean');
    // Resid Start: 8 tokens; each prompt has its two numbers once in each place
    const mean = (1 + 0 + 2 + 0.5 + 0.25 + 1 - 1 + 0.5) / 8;
    expect([...values.start!.data].map((x) => Math.round(x * 1e6) / 1e6)).toEqual([mean, mean]);
  });
  it('are what every source outputs when they are patched in', async () => {
    const model = await openModel();
    const patch = await model.constantMeans(batches, 'clean');
    const { shape, data } = await model.sourceOutputs(batches[0]!, patch); // [sources, prompts, pos, dModel]
    const slab = shape[1]! * shape[2]! * shape[3]!;
    const start = data.subarray(0, slab);
    expect(new Set(start).size).toBe(1); // both numbers of the mean are the same here
    const all = maskFromEdges(model.graph, Array.from({ length: model.graph.edgeCount }, (_, n) => n), { inside: 1, outside: 0 }); // biome-ignore format: one line
    const logits = (await model.patchedRun(batches[0]!, { input: 'clean', patch, mask: all })).data;
    // With every edge patched the output is the sum of what is patched in, the same for all prompts.
    const sum = [0, 1].map((d) =>
      Array.from({ length: shape[0]! }, (_, s) => data[s * slab + d]!).reduce((x, y) => x + y),
    );
    for (let i = 0; i < logits.length; i++) expect(logits[i]).toBeCloseTo(sum[i % 2]!, 5);
  });
  it('give the same run, whichever way it is made', async () => {
    const [batch] = batches;
    const graph = buildGraph(object.spec.layout);
    const runs = await Promise.all(
      (['dense', 'noising', 'denoising'] as const).map(async (way) => {
        const model = await createPatchableModel({ model: object, graph, backend: interpreterBackend(), way });
        const patch = await model.constantMeans(batches, 'corrupt');
        const mask = maskFromEdges(graph, [0, 3, 8, graph.edgeCount - 1], { inside: 0, outside: 1 });
        return [...(await model.patchedRun(batch!, { input: 'clean', patch, mask })).data];
      }),
    );
    for (const [i, x] of runs[0]!.entries())
      for (const other of runs) expect(Math.abs(other[i]! - x)).toBeLessThan(1e-6);
  });
  it('have the gradient that finite differences have, whatever the micro-batch', async () => {
    for (const graph of [
      buildGraph(object.spec.layout),
      buildGraph(object.spec.layout, { factorized: false, splitQkv: false, positions: 2, kvInputs: 'query-head' }),
    ]) {
      // biome-ignore format: one line
      const model = await openModel(graph);
      const [batch] = batches;
      const patch = await model.constantMeans(batches, 'corrupt');
      const clean = (await model.run({ ...inputOfClean, shape: [2, 2, 2] }, 'last')) as never;
      const objective = { kind: 'kl', referenceLogits: clean } as const;
      const mask = maskFromEdges(graph, [0, 2, graph.edgeCount - 1], { inside: 1, outside: 0.25 });
      const request = { input: 'clean', patch, mask, objective } as const;
      const { loss, gradients } = await model.constantGradient(batch!, request);
      const lossAt = async (site: string, i: number, moved: number): Promise<number> => {
        const { data, shape } = patch.values[site]!;
        const values = { ...patch.values, [site]: floatTensor(data.map((x, j) => (i === j ? x + moved : x)), shape) }; // biome-ignore format: one line
        const other: ConstantPatch = { kind: 'constant', values };
        const logits = await model.patchedRun(batch!, { input: 'clean', patch: other, mask });
        return objectiveOnLogits(objective, logits, batch!).reduce((sum, x) => sum + x, 0) / 2;
      };
      expect(loss).toBeCloseTo(await lossAt('start', 0, 0), 6);
      const h = 1 / 64;
      for (const [site, { data }] of Object.entries(patch.values)) {
        for (const i of data.keys()) {
          const slope = ((await lossAt(site, i, h)) - (await lossAt(site, i, -h))) / (2 * h);
          // float32 logits of order 1: 2⁻²⁴ ÷ 2h ≈ 2e-6; third derivatives of order 1: h² ÷ 6 ≈ 4e-5
          expect(Math.abs(gradients[site]![i]! - slope)).toBeLessThan(1e-4);
        }
      }
      const cut = await (await openModel(graph, 2)).constantGradient(batch!, request);
      for (const [site, list] of Object.entries(gradients)) {
        list.forEach((x, i) => expect(Math.abs(x - cut.gradients[site]![i]!)).toBeLessThan(1e-6));
      }
    }
  });
});
const inputOfClean = {
  dtype: 'float' as const,
  data: Float32Array.from(batches[0]!.prompts.flatMap(({ clean }) => clean.flat() as number[])),
};

describe('optimal ablation', () => {
  const train = async (steps = settings.steps) => {
    const training = await ConstantTraining.create(await openModel(), batches, settings);
    for (let i = 0; i < steps; i++) await training.step();
    return training;
  };
  it('comes back to constants that change the output little, over circuits of all sizes that it was not trained on', async () => {
    const model = await openModel();
    const means = await model.constantMeans(batches, 'clean');
    // In this model, which is nearly linear, the means are about the best constants. So it begins elsewhere.
    const training = await ConstantTraining.create(model, batches, settings);
    const { state, arrays } = training.toCheckpoint();
    training.restore({
      state,
      arrays: { ...arrays, constants: arrays.constants!.map((x, i) => x + (i % 2 ? 1 : -1)) },
    });
    const elsewhere = training.patch;
    while (training.done < training.steps) await training.step();
    const trained = training.patch;
    const lossOf = async (patch: ConstantPatch): Promise<number> => {
      let sum = 0;
      for (let draw = 0; draw < 60; draw++) {
        const random = seededRandom(99, draw);
        const share = random.uniform();
        const edges = Array.from({ length: model.graph.edgeCount }, (_, n) => n).filter(() => random.uniform() < share);
        const mask = maskFromEdges(model.graph, edges, { inside: 1, outside: 0 });
        for (const batch of batches) {
          const [whole, logits] = [
            await model.patchedRun(batch, { input: 'clean', patch, mask: maskFromEdges(model.graph, [], { inside: 1, outside: 0 }) }), // biome-ignore format: one line
            await model.patchedRun(batch, { input: 'clean', patch, mask }),
          ];
          sum += objectiveOnLogits({ kind: 'kl', referenceLogits: whole }, logits, batch).reduce((a, x) => a + x, 0);
        }
      }
      return sum;
    };
    expect(await lossOf(elsewhere)).toBeGreaterThan(2 * (await lossOf(means)));
    expect(await lossOf(trained)).toBeLessThan(1.1 * (await lossOf(means)));
  });
  it('goes on bit for bit from a checkpoint, and refuses damaged ones', async () => {
    const [whole, first] = [await train(7), await train(3)];
    const second = await ConstantTraining.create(await openModel(), batches, settings);
    for (const { what, name, data } of damagedCheckpoints(first.toCheckpoint(), { notNegative: /\/square$/ })) {
      const refused = expect.objectContaining({ code: 'wrong-checkpoint', fields: expect.objectContaining({ name }) });
      expect(() => second.restore(data), what).toThrow(refused);
    }
    second.restore(structuredClone(first.toCheckpoint()));
    for (let i = 0; i < 4; i++) await second.step();
    expect(second.patch).toEqual(whole.patch);
    expect(second.curves).toEqual(whole.curves);
  });
  it('is kept when it is stopped, and when it is done', async () => {
    let kept: CheckpointData | null = null;
    const checkpoint = {
      load: async () => kept,
      save: async (data: CheckpointData) => {
        kept = structuredClone(data);
      },
    };
    const controller = new AbortController();
    const onProgress = (done: number): void => {
      if (done === 5) controller.abort(new Error('stopped'));
    };
    const model = await openModel();
    await expect(optimalConstants(model, batches, { seed: 4, checkpoint, signal: controller.signal, onProgress })).rejects.toThrow('stopped'); // biome-ignore format: one line
    expect(kept!.state.steps).toBe(5);
    const done = await optimalConstants(model, batches, { seed: 4, checkpoint });
    expect(done).toEqual(await optimalConstants(model, batches, { seed: 4 }));
    expect(kept!.state.steps).toBe(OPTIMAL_ABLATION.steps);
    expect(await optimalConstants(model, batches, { seed: 4, checkpoint })).toEqual(done);
    // constants.safetensors is a result: old runs have these names
    expect(Object.keys(kept!.arrays)).toEqual(['constants', 'mean', 'square', 'losses']);
    expect(kept!.state.steps).toBe(200);
    // An early version said less of what it had trained.
    const early: Checkpoint = {
      load: async () => ({ ...kept!, state: { steps: 200, work: '{"steps":200,"learningRate":0.02,"seed":4}' } }),
      save: () => Promise.reject(new Error('nothing is trained')),
    };
    expect(await optimalConstants(model, batches, { seed: 4, checkpoint: early })).toEqual(
      await optimalConstants(model, batches, { seed: 4, checkpoint }),
    );
    await expect(optimalConstants(model, batches.slice(1), { seed: 4, checkpoint })).rejects.toMatchObject({
      code: 'wrong-checkpoint',
    });
    await expect(optimalConstants(model, batches, { seed: 5, checkpoint })).rejects.toMatchObject({
      code: 'wrong-checkpoint',
      fields: { name: 'work' },
    });
  });
});
