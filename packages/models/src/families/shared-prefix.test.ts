/** @file Prompts after a shared prefix that was run once: the same numbers as the whole prompts. */
import { createPatchableModel, interpreterBackend } from '@auto-circuit/core';
import {
  buildGraph,
  DEFAULT_GRAPH_OPTIONS,
  filledMask,
  floatTensor,
  type Graph,
  inputOf,
  type Mask,
  type ModelObject,
  type Objective,
  type PatchDescription,
  type Prompt,
  type PromptBatch,
  seededRandom,
} from '@auto-circuit/core/plugin';
import { afterPrefix, sharedPrefixLength, withoutPrefix } from '@auto-circuit/core/run';
import { describe, expect, it } from 'vitest';
import { modelOfProgram } from '../compiled/named-programs.js';
import { xproportionProgram } from '../compiled/programs.js';
import { randomDecoder, randomGemma, randomGpt2, randomLlama, randomNeox } from './random-models.js';

const SMALL = {
  ...{ layers: 2, heads: 4, dModel: 16, dHead: 4, dMlp: 24 },
  ...{ vocabulary: 11, positions: 8, epsilon: 1e-5 },
} as const;
const GEMMA = { kvHeads: 2, activation: 'gelu_pytorch_tanh', attentionScale: 0.4 } as const;
const scale = 12; // weights of standard deviation 0.24: every component matters
const MODELS: Readonly<Record<string, ModelObject>> = {
  gpt2: randomGpt2({ ...SMALL, activation: 'gelu_new', mlp: true }, { scale }),
  'llama with grouped queries': randomLlama(
    { ...SMALL, kvHeads: 2, activation: 'silu', windows: [null, 2] },
    { scale },
  ),
  neox: randomNeox({ ...SMALL, dRotary: 2, activation: 'gelu', parallel: true }, { scale }),
  gemma: randomGemma({ ...SMALL, ...GEMMA, windows: [3, null], scoreCap: 2, logitCap: 3, norms: true }, { scale }),
  'experts, and sinks beside the keys of the prefix': randomDecoder(
    {
      ...{ ...SMALL, kvHeads: 2, activation: 'silu', norm: 'rmsNorm', mlpKind: 'gated', sinks: true },
      ...{ rotary: { dims: 4, tables: ['rope', 'rope'] }, windows: [3, null] },
      experts: { counts: [3, 0], chosen: 2, dExpert: 6, softmaxOver: 'chosen' },
    },
    { scale },
  ),
};

const [PREFIX, LENGTH, COUNT] = [3, 6, 5];
const random = seededRandom(3, 'shared-prefix');
const token = (): number => random.below(SMALL.vocabulary);
/** Pairs that share their first three tokens, each pair others; the fourth differs in all. */
const WHOLE: readonly Prompt[] = Array.from({ length: COUNT }, (_, index) => {
  const clean = Array.from({ length: LENGTH }, token);
  const corrupt = clean.map((t, i) => (i < PREFIX ? t : i === PREFIX ? (t + 1) % SMALL.vocabulary : token()));
  return { index, clean, corrupt, answers: [token()], wrongAnswers: [token()] };
});
const RESAMPLE: PatchDescription = { kind: 'resample', from: 'corrupt' };
const ANSWERS: Objective = { kind: 'answers', tokenFunction: 'logit', value: 'diff' };

/** The whole prompts and the same behind their prefixes, each with a graph of its own number of positions. */
async function both(model: ModelObject, positions: boolean) {
  const backend = interpreterBackend({ precision: 'float32' });
  const made = async (own: ModelObject, prompts: readonly Prompt[], length: number) => {
    const graph = buildGraph(model.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, positions: positions ? length : null });
    const patchable = await createPatchableModel({ model: own, graph, backend, microBatchTokens: 12 });
    return { graph, patchable, batch: { prompts, length } satisfies PromptBatch };
  };
  const cut = await withoutPrefix(model, backend, WHOLE, PREFIX);
  return {
    whole: await made(model, WHOLE, LENGTH),
    tail: await made(afterPrefix(model, PREFIX), cut, LENGTH - PREFIX),
  };
}

/** Random masks of the tail, and the same of the whole prompts with 0 at the prefix. */
function masks(whole: Graph, tail: Graph): { whole: Mask; tail: Mask } {
  const ofTail = filledMask(tail, 0);
  const tailMask: Mask = {
    perItem: false,
    tensors: Object.fromEntries(
      Object.entries(ofTail.tensors).map(([module, { data, shape }]) => [
        module,
        floatTensor(
          Float32Array.from(data, () => random.below(1000) / 1000),
          shape,
        ),
      ]),
    ),
  };
  const wholeMask = Object.entries(filledMask(whole, 0).tensors).map(([module, { data, shape }]) => {
    const out = Float32Array.from(data);
    const own = tailMask.tensors[module]!.data;
    out.set(own, out.length - own.length); // positions are the first axis, the tail's the last of them
    return [module, floatTensor(out, shape)] as const;
  });
  return { whole: { perItem: false, tensors: Object.fromEntries(wholeMask) }, tail: tailMask };
}
const far = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i]!)), a.length === b.length ? 0 : Number.POSITIVE_INFINITY);
/** Values of order 1 to 10 through two layers in float32. */
const ROUNDING = 2e-4;

describe.each(Object.entries(MODELS))('a shared prefix: %s', (_name, model) => {
  it('is as long as what the two sides of every pair share', () => {
    expect(sharedPrefixLength(WHOLE)).toBe(PREFIX);
  });

  it.each([false, true])('changes no output and no score under resample (token positions: %s)', async (positions) => {
    const { whole, tail } = await both(model, positions);
    for (const side of ['clean', 'corrupt'] as const) {
      const plain = await whole.patchable.run(inputOf(whole.batch, side));
      expect(far((await tail.patchable.run(inputOf(tail.batch, side))).data, plain.data)).toBeLessThan(ROUNDING);
    }
    const mask = masks(whole.graph, tail.graph);
    const request = { input: 'clean', patch: RESAMPLE } as const;
    const patched = await whole.patchable.patchedRun(whole.batch, { ...request, mask: mask.whole });
    const ofTail = await tail.patchable.patchedRun(tail.batch, { ...request, mask: mask.tail });
    expect(far(ofTail.data, patched.data)).toBeLessThan(ROUNDING);
    expect(far(ofTail.data, (await tail.patchable.run(inputOf(tail.batch, 'clean'))).data)).toBeGreaterThan(0.1);
    for (const [wholeMask, tailMask] of [
      [0, 0],
      [mask.whole, mask.tail],
    ] as const) {
      const scores = await whole.patchable.maskGradient(whole.batch, {
        ...request,
        objective: ANSWERS,
        at: { kind: 'mask', mask: wholeMask },
      });
      const own = await tail.patchable.maskGradient(tail.batch, {
        ...request,
        objective: ANSWERS,
        at: { kind: 'mask', mask: tailMask },
      });
      for (const [module, { data, shape }] of Object.entries(own.tensors)) {
        const slab = data.length / shape[0]!;
        const all = scores.tensors[module]!.data;
        const each = all.length / COUNT;
        for (let p = 0; p < COUNT; p++) {
          const last = all.subarray((p + 1) * each - slab, (p + 1) * each);
          expect(far(data.subarray(p * slab, (p + 1) * slab), last)).toBeLessThan(ROUNDING);
        }
      }
    }
  });

  it('is left as it is by other ablations', async () => {
    const { whole, tail } = await both(model, true);
    const mask = masks(whole.graph, tail.graph);
    const request = { input: 'clean', patch: { kind: 'zero' } } as const;
    const patched = await whole.patchable.patchedRun(whole.batch, { ...request, mask: mask.whole });
    const own = await tail.patchable.patchedRun(tail.batch, { ...request, mask: mask.tail });
    expect(far(own.data, patched.data)).toBeLessThan(ROUNDING);
  });
});

describe('what cannot have one', () => {
  it('is refused: attention to later tokens', () => {
    expect(() => afterPrefix(modelOfProgram('x', xproportionProgram()), 2)).toThrow(
      /cannot be run after a shared prefix/,
    );
  });
  it('leaves a token to run where the two sides are equal', () => {
    const { clean } = WHOLE[0]!;
    expect(sharedPrefixLength([{ ...WHOLE[0]!, corrupt: clean }])).toBe(LENGTH - 1);
  });
});
