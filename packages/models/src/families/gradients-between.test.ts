/** @file Gradients at several points between two runs, taken in one run: the same numbers as one by one. */
import {
  buildGraph,
  createPatchableModel,
  DEFAULT_GRAPH_OPTIONS,
  type GraphOptions,
  interpreterBackend,
  type MaskGradientRequest,
  type PromptBatch,
  type PromptGradients,
} from '@auto-circuit/core';
import { seededRandom } from '@auto-circuit/core/plugin';
import { describe, expect, it } from 'vitest';
import { randomGpt2, randomLlama } from './random-models.js';

const SHAPE = { layers: 2, dModel: 8, dHead: 4, dMlp: 12, vocabulary: 11, positions: 6, epsilon: 1e-5 } as const;
const MODELS = {
  gpt2: randomGpt2({ ...SHAPE, heads: 2, activation: 'gelu_new', mlp: true }),
  llama: randomLlama({ ...SHAPE, heads: 4, kvHeads: 2, activation: 'silu' }),
};
const random = seededRandom(3);
const tokens = () => Array.from({ length: 4 }, () => random.below(SHAPE.vocabulary));
const BATCH: PromptBatch = {
  length: 4,
  prompts: [0, 1, 2].map((index) => ({ index, clean: tokens(), corrupt: tokens(), answers: [1], wrongAnswers: [2] })),
};
const ALPHAS = [0, 0.2, 0.4, 0.6, 0.8];
/** Activations pass between programs as float32, and so do results: a few roundings of numbers below 8. */
const FLOAT32 = 8 * 4 * 2 ** -23;

const REQUESTS: Record<string, Omit<MaskGradientRequest, 'at'>> = {
  'logit difference, losses and neurons': {
    input: 'clean',
    patch: { kind: 'resample', from: 'corrupt' },
    objective: { kind: 'answers', tokenFunction: 'logit', value: 'diff' },
    losses: true,
    neurons: true,
  },
  'KL to the clean run, zeros patched in': { input: 'clean', patch: { kind: 'zero' }, objective: { kind: 'kl' } },
};

function numbersOf({ tensors, losses, neurons }: PromptGradients): number[] {
  const all = [...Object.values(tensors), ...Object.values(neurons ?? {})];
  return [...all.flatMap(({ data }) => [...data]), ...(losses ?? [])];
}

describe.each(Object.entries(MODELS))('%s', (_, model) => {
  const graphs: [string, Partial<GraphOptions>][] = [
    ['split', {}],
    ['positions', { positions: 4 }],
  ];
  it.each(
    graphs.flatMap(([name, options]) => Object.keys(REQUESTS).map((request) => [name, request, options] as const)),
  )('gives several points of one run as one by one: %s, %s', async (_name, request, options) => {
    const graph = buildGraph(model.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, ...options });
    const backend = interpreterBackend({ precision: 'float64' });
    let runs = 0;
    const counting = {
      ...backend,
      async compile(...args: Parameters<typeof backend.compile>) {
        const executable = await backend.compile(...args);
        const isGradient = args[0].name.startsWith('gradient');
        const run: typeof executable.run = (feeds) => {
          if (isGradient) runs++;
          return executable.run(feeds);
        };
        return { ...executable, run };
      },
    };
    const patchable = await createPatchableModel({ model, graph, backend: counting });
    const together: PromptGradients[] = [];
    for await (const one of patchable.gradientsBetween(BATCH, REQUESTS[request]!, ALPHAS)) together.push(one);
    expect(runs).toBe(1);
    expect(together).toHaveLength(ALPHAS.length);
    for (const [i, alpha] of ALPHAS.entries()) {
      const alone = await patchable.maskGradient(BATCH, {
        ...REQUESTS[request]!,
        at: { kind: 'input', alpha },
      });
      const [got, expected] = [numbersOf(together[i]!), numbersOf(alone)];
      expect(got).toHaveLength(expected.length);
      for (const [j, x] of expected.entries()) expect(Math.abs(got[j]! - x), `${alpha}: ${j}`).toBeLessThan(FLOAT32);
    }
    expect(numbersOf(together[0]!)).not.toEqual(numbersOf(together[4]!));
    await patchable.dispose();
  });
});
