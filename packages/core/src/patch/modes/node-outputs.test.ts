import { describe, expect, it } from 'vitest';
import { interpreterBackend } from '../../backend/interpreter/interpreter.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../../graph/build.js';
import { allEdges } from '../../graph/edges.js';
import { flattenScores } from '../../graph/score-index.js';
import type { GraphOptions, PruneScores } from '../../graph/types.js';
import type { PromptBatch } from '../../prompts/types.js';
import { microModel } from '../../testing/micro-model.js';
import { createPatchableModel } from '../engine.js';
import type { MaskGradientRequest } from '../requests/patchable-model.js';

const REQUEST: MaskGradientRequest = {
  input: 'clean',
  patch: { kind: 'resample', from: 'corrupt' },
  objective: { kind: 'answers', tokenFunction: 'prob', value: 'value' },
  neurons: true,
};
async function open(weights?: number[][][], options: Partial<GraphOptions> = {}) {
  const model = microModel(weights);
  const graph = buildGraph(model.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, ...options });
  return createPatchableModel({
    model,
    graph,
    backend: interpreterBackend({ precision: 'float64' }),
    microBatchTokens: 3,
  });
}

describe('scores of what nodes write', () => {
  it('by hand', async () => {
    // the head multiplies by (2, −1): y = (3x₀, 0·x₁), M = −(y₀ − y₁)
    const model = await open([[[2, -1]]]);
    const prompt = { index: 0, clean: [[1, 0]], corrupt: [[0, 1]], answers: [0], wrongAnswers: [1] };
    const objective = { kind: 'answers', tokenFunction: 'logit', value: 'diff' } as const;
    const { neurons } = await model.maskGradient({ length: 1, prompts: [prompt] }, { ...REQUEST, objective });
    // Resid Start: d = (−1, 1), ∂M/∂x = (−3, 0); the head: w∘d = (−2, −1), ∂M/∂out = (−1, 1)
    expect(neurons!.input).toMatchObject({ shape: [1, 1, 2], data: Float32Array.of(3, 0) });
    expect(neurons!['blocks.0.head_outputs']).toMatchObject({ shape: [1, 1, 2], data: Float32Array.of(2, -1) });
  });

  const batch: PromptBatch = {
    length: 2,
    prompts: [0, 1, 2].map((index) => ({
      index,
      clean: [[0.1 * index, -0.2], [0.3, 0.4 - 0.1 * index]],
      corrupt: [[0.2, 0.1 * index], [-0.3, 0.5]],
      answers: [index % 2],
      wrongAnswers: [1 - (index % 2)],
    })), // biome-ignore format: positions
  };
  const points: Readonly<Record<string, Partial<MaskGradientRequest>>> = {
    'the clean run': {},
    'an interpolated input': { at: { kind: 'input', alpha: 0.25 } },
    'a mixed block': { at: { kind: 'activations', site: 'L0.attn', alpha: 0.5 } },
    zeros: { patch: { kind: 'zero' } },
  };
  it.each(Object.entries(points))('add up to the scores of the node edges: %s', async (_, point) => {
    let largest = 0;
    for (const options of [{}, { positions: 2 }]) {
      const model = await open(
        [
          [
            [0.5, -1],
            [0.3, 0.4],
          ],
          [
            [1, -0.5],
            [0.2, 0.7],
          ],
        ],
        options,
      );
      const { graph } = model;
      const { tensors, neurons } = await model.maskGradient(batch, { ...REQUEST, ...point });
      for (const [item] of batch.prompts.entries()) {
        const flat = flattenScores(graph, itemOf(tensors, item));
        for (const { module, start, stop } of graph.sourceBlocks) {
          for (let row = start; row < stop; row++) {
            const edges = allEdges(graph).flatMap(({ source, number }) =>
              source.index === row ? [flat[number]!] : [],
            );
            const { data, shape } = neurons![module]!; // [prompts, position?, rows, dModel]
            const all = [...data.slice((item * data.length) / shape[0]!, ((item + 1) * data.length) / shape[0]!)];
            const own = all.filter((_, i) => Math.floor(i / 2) % (stop - start) === row - start);
            const terms = [...edges, ...own.map((x) => -x)];
            const size = terms.reduce((sum, x) => sum + Math.abs(x), 0);
            expect(Math.abs(terms.reduce((sum, x) => sum + x, 0))).toBeLessThan(size * 2 ** -23); // each is rounded once
            largest = Math.max(largest, size);
          }
        }
      }
    }
    expect(largest).toBeGreaterThan(1e-2);
  });
  it('are those of all ways from a node, whatever edges the graph has', async () => {
    const plain = await (await open()).maskGradient(batch, REQUEST);
    const residual = await (await open(undefined, { factorized: false })).maskGradient(batch, REQUEST);
    for (const [module, { data }] of Object.entries(plain.neurons!))
      expect(residual.neurons![module]!.data).toEqual(data);
    // Each layer makes (5x₀, 7x₁) of x; behind the first M = −(5y₀ − 7y₁) with y = (5x₀, 7x₁).
    const [prompt] = batch.prompts;
    const objective = { kind: 'answers', tokenFunction: 'logit', value: 'diff' } as const;
    const model = await open(undefined, { factorized: false });
    const { neurons } = await model.maskGradient({ length: 2, prompts: [prompt!] }, { ...REQUEST, objective });
    const [clean, corrupt] = [prompt!.clean, prompt!.corrupt].map((side) => (side as number[][])[1]!);
    const expected = [-25 * (corrupt![0]! - clean![0]!), 49 * (corrupt![1]! - clean![1]!)];
    expected.forEach((x, i) => expect(neurons!['resids.0']!.data[i]).toBeCloseTo(x, 4));
  });
  it('are there at mask 0 only', async () => {
    const model = await open();
    await expect(model.maskGradient(batch, { ...REQUEST, at: { kind: 'mask', mask: 0.5 } })).rejects.toMatchObject({
      code: 'invalid-request',
    });
    const at = { kind: 'activations', site: 'L7.attn', alpha: 1 } as const;
    await expect(model.maskGradient(batch, { ...REQUEST, at })).rejects.toMatchObject({
      code: 'unknown-name',
      fields: { name: 'L7.attn' },
    });
  });
});

/** One prompt of [prompts, …]. */
const itemOf = (tensors: PruneScores, item: number): PruneScores =>
  Object.fromEntries(
    Object.entries(tensors).map(([module, { data, shape }]) => {
      const size = data.length / shape[0]!;
      return [module, { dtype: 'float', shape: shape.slice(1), data: data.slice(item * size, (item + 1) * size) }];
    }),
  );
