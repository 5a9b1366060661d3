/** The checks on a model that is right, and on ones that are wrong: what finds nothing wrong must also find something. */
import { describe, expect, it } from 'vitest';
import type { Backend } from '../backend/backend.js';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../graph/build.js';
import type { ModelObject } from '../model/model.js';
import { createPatchableModel } from '../patch/engine.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import { tinyPrompts, tinyTransformer } from '../testing/tiny-transformer.js';
import { gradientsAgainstDifferences } from './gradient-check.js';
import { residualSums } from './residual-sums.js';

const model = tinyTransformer();
const graph = buildGraph(model.spec.layout);
const batch = tinyPrompts(2);
const float32 = (): Backend => interpreterBackend({ precision: 'float32' });

describe('residual sums', () => {
  it('add up in float32 within the bound, at every block', async () => {
    const { value, bound, count } = await residualSums(model, graph, float32(), batch);
    expect(value).toBeLessThan(bound);
    expect(count).toBe(graph.destinationBlocks.length);
  });
  it('do not add up where a module writes more than its sources say', async () => {
    const leaking: ModelObject = {
      ...model,
      trace: (points) =>
        model.trace({
          ...points,
          // what is read after layer 0 is a hundredth larger than what was written
          into: ((site: string, ...rest: unknown[]) => {
            const read = points.into as (...all: unknown[]) => unknown;
            const residual = rest[0] as never;
            return read.call(
              points,
              site,
              site.startsWith('L1') ? points.builder.mul(residual, 1.01) : residual,
              ...rest.slice(1),
            );
          }) as never,
        }),
    };
    const { value, bound, at } = await residualSums(leaking, graph, float32(), batch);
    expect(value).toBeGreaterThan(10 * bound);
    expect(at).toMatch(/^blocks\.1\./);
  });
});

describe('gradients against differences', () => {
  const depth = 100;
  const open = (precision: 'float32' | 'float64', splitQkv = true): Promise<PatchableModel> =>
    createPatchableModel({
      model,
      graph: buildGraph(model.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, splitQkv }),
      backend: interpreterBackend({ precision }),
    });
  it.each([true, false])('agree within the bound (Q, K and V split: %s)', async (splitQkv) => {
    const patchable = await open('float32', splitQkv);
    const found = await gradientsAgainstDifferences({ model: patchable, batch, edges: 20, seed: 0, depth });
    expect(found.value).toBeLessThanOrEqual(found.bound);
    expect(found.count).toBe(20);
    await patchable.dispose();
  });
  it('take no more edges than there are, and the same for a seed', async () => {
    const patchable = await open('float32');
    const check = (seed: number) => gradientsAgainstDifferences({ model: patchable, batch, edges: 3, seed, depth });
    expect(await check(1)).toEqual(await check(1));
    expect(await check(2)).not.toEqual(await check(1));
    expect((await gradientsAgainstDifferences({ model: patchable, batch, edges: 10_000, seed: 0, depth })).count).toBe(
      graph.edgeCount,
    );
    await patchable.dispose();
  });
  it('find gradients that are two per cent off', async () => {
    const patchable = await open('float32');
    const wrong = {
      graph: patchable.graph,
      patchedRuns: patchable.patchedRuns.bind(patchable),
      async maskGradient(...request: Parameters<PatchableModel['maskGradient']>) {
        const { tensors } = await patchable.maskGradient(...request);
        const scaled = Object.entries(tensors).map(([module, t]) => [
          module,
          { ...t, data: t.data.map((x) => 1.02 * x) },
        ]);
        return { tensors: Object.fromEntries(scaled) };
      },
    } as unknown as PatchableModel;
    const found = await gradientsAgainstDifferences({ model: wrong, batch, edges: 20, seed: 0, depth });
    expect(found.value).toBeGreaterThan(3 * found.bound);
    await patchable.dispose();
  });
});
