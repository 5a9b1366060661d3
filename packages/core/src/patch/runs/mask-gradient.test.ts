import { describe, expect, it } from 'vitest';
import { buildGraph } from '../../graph/build.js';
import { countingBackend } from '../../testing/counting-backend.js';
import { tinyPrompts, tinyTransformer } from '../../testing/tiny-transformer.js';
import { createPatchableModel } from '../engine.js';
import type { GradientPoint, MaskGradientRequest, PromptGradients } from '../requests/patchable-model.js';

const model = tinyTransformer();
const graph = buildGraph(model.spec.layout);
const BATCH = tinyPrompts(2); // 6 tokens
const REQUEST: MaskGradientRequest = {
  input: 'clean',
  patch: { kind: 'resample', from: 'corrupt' },
  objective: { kind: 'answers', tokenFunction: 'prob', value: 'diff' },
};
async function open(microBatchTokens?: number) {
  const { backend, runs } = countingBackend();
  const request = { model, graph, backend, ...(microBatchTokens ? { microBatchTokens } : {}) };
  return {
    patchable: await createPatchableModel(request),
    gradientRuns: () => runs.filter((name) => name.startsWith('gradient')),
  };
}
const ALPHAS = [0, 0.2, 0.4, 0.6, 0.8];
const first = ({ tensors }: PromptGradients): number[] =>
  Object.values(tensors).flatMap(({ data, shape }) => [...data.subarray(0, data.length / shape[0]!)]);

describe('gradients between two inputs', () => {
  /** All alphas with so many tokens a run. */
  async function between(tokens?: number) {
    const { patchable, gradientRuns } = await open(tokens);
    const found: PromptGradients[] = [];
    for await (const one of patchable.gradientsBetween(BATCH, REQUEST, ALPHAS)) found.push(one);
    return { found, runs: gradientRuns().length };
  }

  it('run together as far as one run has tokens, and one by one where few would', async () => {
    expect((await between()).runs).toBe(1);
    expect((await between(24)).runs).toBe(2); // four, and one alone
    expect((await between(18)).runs).toBe(5); // three and two gain nothing
    expect((await between(3)).runs).toBe(10); // every prompt by itself
  });

  it('come in the order of alphas, whatever ran together', async () => {
    const [one, two, five] = [await between(), await between(24), await between(18)];
    for (const [i, alpha] of ALPHAS.entries()) {
      const { patchable } = await open();
      const alone = first(await patchable.maskGradient(BATCH, { ...REQUEST, at: { kind: 'input', alpha } }));
      for (const { found } of [one, two, five]) {
        const numbers = first(found[i]!);
        for (const [j, x] of alone.entries()) expect(Math.abs(numbers[j]! - x)).toBeLessThan(1e-6);
      }
    }
    expect(first(one.found[0]!)).not.toEqual(first(one.found[4]!));
  });

  it('are run as they are asked for', async () => {
    const { patchable, gradientRuns } = await open(24);
    for await (const _ of patchable.gradientsBetween(BATCH, REQUEST, ALPHAS)) break;
    expect(gradientRuns()).toHaveLength(1);
  });
});

describe('the point of a gradient', () => {
  const at = async (point?: GradientPoint) =>
    first(await (await open()).patchable.maskGradient(BATCH, point ? { ...REQUEST, at: point } : REQUEST));

  it('is mask 0 by default, the same as alpha 1 of the input', async () => {
    const plain = await at();
    expect(await at({ kind: 'mask', mask: 0 })).toEqual(plain);
    for (const [i, x] of (await at({ kind: 'input', alpha: 1 })).entries()) {
      expect(Math.abs(x - plain[i]!)).toBeLessThan(1e-6);
    }
  });

  it('is another one under a mask, at another input and at other activations', async () => {
    const points: (GradientPoint | undefined)[] = [
      undefined,
      { kind: 'mask', mask: 0.5 },
      { kind: 'input', alpha: 0.5 },
      { kind: 'activations', site: 'L0.mlp', alpha: 0.5 },
      { kind: 'activations', site: 'L1.mlp', alpha: 0.5 },
    ];
    const numbers = await Promise.all(points.map(at));
    expect(new Set(numbers.map((list) => list.join())).size).toBe(points.length);
  });

  it('moves nodes alone, not masks, where what they write is scored', async () => {
    const { patchable } = await open();
    const request = { ...REQUEST, neurons: true } as const;
    await expect(patchable.maskGradient(BATCH, { ...request, at: { kind: 'mask', mask: 0.5 } })).rejects.toMatchObject({
      code: 'invalid-request',
      kind: 'internal',
    });
    const { neurons } = await patchable.maskGradient(BATCH, { ...request, at: { kind: 'mask', mask: 0 } });
    expect(Object.keys(neurons!)).toEqual(graph.sourceBlocks.map(({ module }) => module));
  });
});

describe('scores of a gradient', () => {
  it('do not depend on micro-batches, bit for bit in the interpreter', async () => {
    const flat = async (tokens?: number) => {
      const { patchable } = await open(tokens);
      const { tensors } = await patchable.maskGradient(BATCH, { ...REQUEST, losses: true });
      return Object.entries(tensors).map(([module, { data }]) => [module, [...data]]);
    };
    expect(await flat(3)).toEqual(await flat());
  });
});
