import { describe, expect, it } from 'vitest';
import { interpreterBackend } from '../../backend/interpreter/interpreter.js';
import { type MemoryWeight, memoryWeights } from '../../backend/memory-weights.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../../graph/build.js';
import { layerOf, parseSite } from '../../graph/sites.js';
import type { GraphOptions } from '../../graph/types.js';
import type { ModelObject } from '../../model/model.js';
import type { Objective } from '../../objectives/objective.js';
import type { Tensor } from '../../tensor/tensor.js';
import { TINY, TINY_VARIANTS, tinyPrompts, tinyTransformer } from '../../testing/tiny-transformer.js';
import { createPatchableModel } from '../engine.js';
import type { PatchableModel } from '../requests/patchable-model.js';

const batch = tinyPrompts(1);
const objective: Objective = { kind: 'answers', tokenFunction: 'logit', value: 'value' };
const zero = { input: 'clean', patch: { kind: 'zero' }, objective } as const;
const backend = () => interpreterBackend({ precision: 'float64' });

/** The model where what a layer adds to the stream is always what it adds on the clean prompt. */
async function frozen(model: PatchableModel, object: ModelObject, layer: number): Promise<ModelObject> {
  const { data } = await model.sourceOutputs(batch, 'clean'); // [sources, 1, pos, dModel]
  const each = batch.length * TINY.dModel;
  const { weights } = object;
  const kept: [string, MemoryWeight][] = weights.names.map((name) => [
    name,
    { shape: weights.entry(name).shape, data: Float32Array.from(weights.read(name)) },
  ]);
  for (const { site, start, stop } of model.graph.sourceBlocks) {
    const added = new Float32Array(each);
    for (let i = start * each; i < stop * each; i++) added[i % each]! += data[i]!;
    kept.push([`frozen.${site}`, { shape: [batch.length, TINY.dModel], data: added }]);
  }
  return {
    ...object,
    weights: memoryWeights(Object.fromEntries(kept)),
    trace: (points) =>
      object.trace({
        ...points,
        outOf(site, ...written) {
          const added = points.outOf(site, ...written);
          if (layerOf(parseSite(site)!) !== layer) return added;
          const b = points.builder;
          const fixed = points.weight(`frozen.${site}`, [batch.length, TINY.dModel]);
          return b.broadcast(b.slice(fixed, 0, 0, added.shape[1]!), added.shape);
        },
      }),
  };
}

const largest = ({ data }: Tensor<Float32Array>): number => Math.max(...Array.from(data, Math.abs));
/** Values between programs are float32: some ten roundings of the largest number. */
function close(got: Tensor<Float32Array>, expected: Tensor<Float32Array>, what: string): void {
  expect(got.shape).toEqual(expected.shape);
  const bound = 1e-5 * Math.max(1, largest(expected));
  for (const [i, x] of got.data.entries()) expect(Math.abs(x - expected.data[i]!), what).toBeLessThan(bound);
}

const CASES: readonly (readonly [string, ModelObject, Partial<GraphOptions>])[] = [
  ...Object.entries(TINY_VARIANTS).map(([name, shape]) => [name, tinyTransformer(shape), {}] as const),
  ['edges for each token position', tinyTransformer(), { positions: batch.length }],
  ['the residual graph', tinyTransformer(), { factorized: false }],
];

describe.each(CASES)('gradients that do not pass through what a layer writes: %s', (_, object, options) => {
  const graph = buildGraph(object.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, ...options });
  it('are those of the model where that is constant', async () => {
    const model = await createPatchableModel({ model: object, graph, backend: backend() });
    const whole = await model.maskGradient(batch, zero);
    const size = Math.max(...Object.values(whole.tensors).map(largest));
    let moved = 0;
    for (const layer of [0, 1]) {
      const sites = graph.sourceBlocks.filter(({ at }) => 'layer' in at && at.layer === layer);
      const writes = sites.filter(({ at }) => at.kind === 'attn' || at.kind === 'mlp');
      const backward = writes.map(({ site }) => ({ kind: 'stop', role: `${site}.write` }) as const);
      const twin = await createPatchableModel({ model: await frozen(model, object, layer), graph, backend: backend() });
      const dropped = await model.maskGradient(batch, { ...zero, backward });
      const expected = await twin.maskGradient(batch, zero);
      for (const [module, tensor] of Object.entries(dropped.tensors)) {
        close(tensor, expected.tensors[module]!, `${module}, layer ${layer}`);
        moved = Math.max(moved, ...Array.from(tensor.data, (x, i) => Math.abs(x - whole.tensors[module]!.data[i]!)));
      }
      const request = { input: 'clean', objective, roles: ['attn.pattern'] } as const;
      const values = await model.valueGradients(batch, { ...request, backward });
      const own = await twin.valueGradients(batch, request);
      for (const [role, tensor] of Object.entries(values.gradients)) close(tensor, own.gradients[role]!, role);
      expect(largest(values.gradients[`L${layer}.attn.pattern`]!)).toBe(0);
      await twin.dispose();
    }
    expect(moved).toBeGreaterThan(1e-2 * size);
    await model.dispose();
  });
});

it('a write that the model does not have is refused by name', async () => {
  const object = tinyTransformer();
  const model = await createPatchableModel({
    model: object,
    graph: buildGraph(object.spec.layout),
    backend: backend(),
  });
  const backward = [{ kind: 'stop', role: 'L2.mlp.write' }] as const;
  await expect(model.maskGradient(batch, { ...zero, backward })).rejects.toMatchObject({
    code: 'unknown-name',
    fields: { name: 'L2.mlp.write' },
  });
  await model.dispose();
});
