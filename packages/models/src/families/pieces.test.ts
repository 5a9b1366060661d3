/** @file A model that runs piece by piece gives the numbers that it gives as one program: every kind of decoder and of graph. */
import {
  buildGraph,
  createPatchableModel,
  DEFAULT_GRAPH_OPTIONS,
  type Graph,
  type GraphOptions,
  interpreterBackend,
  type Mask,
  type MaskGradientRequest,
  type Objective,
  type PatchDescription,
  type PromptBatch,
  type PromptGradients,
} from '@auto-circuit/core';
import { floatTensor, type ModelObject, scoreShape, seededRandom } from '@auto-circuit/core/plugin';
import { microModel } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import { CONTRACT_MODELS } from './contract-models.js';

const LENGTH = 4;
const random = seededRandom(5);
const tokens = () => Array.from({ length: LENGTH }, () => random.below(11));
const numbers = () => Array.from({ length: LENGTH }, () => [random.normal(), random.normal()]);
const batchOf = (input: () => number[] | number[][]): PromptBatch => ({
  length: LENGTH,
  prompts: [0, 1, 2].map((index) => ({ index, clean: input(), corrupt: input(), answers: [0], wrongAnswers: [1] })),
});
const TOKENS = batchOf(tokens);
const NUMBERS = batchOf(numbers);

/**
 * What is handed on between pieces is float32, as results are: a rounding for each of a few residuals, activations and differences
 * on a path, relative to the largest number of a tensor.
 */
const RELATIVE = 1e-6;

function expectClose(got: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  expect(got.length, what).toBe(expected.length);
  const scale = Math.max(...Array.from(expected, Math.abs), 1e-3);
  for (let i = 0; i < got.length; i++)
    expect(Math.abs(got[i]! - expected[i]!) / scale, `${what}: ${i}`).toBeLessThan(RELATIVE);
}

async function collect<T>(of: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of of) all.push(one);
  return all;
}

/** All scores together: a tensor may be tiny beside the others that it is made with. */
const flat = ({ tensors }: PromptGradients): number[] =>
  Object.keys(tensors)
    .sort()
    .flatMap((name) => [...tensors[name]!.data]);

function randomMask(graph: Graph, perItem: boolean): Mask {
  const tensors = Object.fromEntries(
    graph.destinationBlocks.map((block) => {
      const shape = [...(perItem ? [3] : []), ...scoreShape(graph, block)];
      const data = Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () =>
        random.below(2) === 0 ? 0 : random.uniform(),
      );
      return [block.module, floatTensor(data, shape)];
    }),
  );
  return { perItem, tensors };
}

async function both(model: ModelObject, options: Partial<GraphOptions>, memoryBytes?: number) {
  const graph = buildGraph(model.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, ...options });
  const backend = interpreterBackend({ precision: 'float64' });
  const shared = { model, graph, backend, ...(memoryBytes === undefined ? {} : { memoryBytes }) };
  const whole = await createPatchableModel({ ...shared, pieces: false });
  const pieces = await createPatchableModel({ ...shared, pieces: true });
  return { graph, whole, pieces };
}

const CORRUPT: PatchDescription = { kind: 'resample', from: 'corrupt' };
const DIFF = { kind: 'answers', tokenFunction: 'logit', value: 'diff' } as const;
const GRADIENTS: Record<string, MaskGradientRequest> = {
  'of the logit difference': { input: 'clean', patch: CORRUPT, objective: DIFF, losses: true },
  'of log-probabilities, zeros patched in': {
    input: 'corrupt',
    patch: { kind: 'zero' },
    objective: { kind: 'answers', tokenFunction: 'logprob', value: 'value' },
  },
  'of KL to the clean run, at an interpolated input': {
    input: 'clean',
    patch: { kind: 'batch-mean', from: 'corrupt' },
    objective: { kind: 'kl' },
    at: { kind: 'input', alpha: 0.3 },
  },
};

const MODELS: Readonly<Record<string, ModelObject>> = { ...CONTRACT_MODELS, micro: microModel() };
const GROUPED = 'llama with grouped queries';
const GRAPHS: [model: string, graph: string, options: Partial<GraphOptions>][] = [
  ...Object.keys(MODELS).map((name): [string, string, object] => [name, 'the default graph', {}]),
  [GROUPED, 'edges of positions', { positions: LENGTH }],
  [GROUPED, 'joint inputs', { splitQkv: false }],
  [GROUPED, 'inputs of KV heads', { kvInputs: 'kv-head' }],
  [GROUPED, 'the residual graph', { factorized: false }],
  ['gpt2', 'the residual graph', { factorized: false }],
];

describe('pieces', () => {
  it.each(GRAPHS)('give the scores and runs of one program: %s, %s', async (name, _graph, options) => {
    const model = MODELS[name]!;
    const batch = model.spec.input.dtype === 'int' ? TOKENS : NUMBERS;
    const { graph, whole, pieces } = await both(model, options);
    for (const [name, request] of Object.entries(GRADIENTS)) {
      const [expected, got] = [await whole.maskGradient(batch, request), await pieces.maskGradient(batch, request)];
      expectClose(flat(got), flat(expected), name);
      if (request.losses) expectClose(got.losses!, expected.losses!, `losses ${name}`);
    }
    const masks = [randomMask(graph, false), randomMask(graph, true)];
    for (const patch of [CORRUPT, { kind: 'zero' } as const]) {
      const request = { input: 'clean', patch, masks } as const;
      const [expected, got] = [await whole.patchedRuns(batch, request), await pieces.patchedRuns(batch, request)];
      for (const [i, { data, shape }] of expected.entries()) {
        expect(got[i]!.shape).toEqual(shape);
        expectClose(got[i]!.data, data, `mask ${i}`);
      }
    }
    await whole.dispose();
    await pieces.dispose();
  });

  it('give gradients of losses on the host, with other backward rules, at several inputs, and variants of a mask', async () => {
    const { graph, whole, pieces } = await both(MODELS.gpt2!, {});
    const squares: Objective = {
      kind: 'host',
      name: 'squares',
      value({ data, shape: [prompts, outputs] }) {
        const rows = Array.from({ length: prompts! }, (_, i) => data.subarray(i * outputs!, (i + 1) * outputs!));
        return rows.map((row) => [...row].reduce((sum, x) => sum + x * x, 0));
      },
      gradient: ({ data }) => Float32Array.from(data, (x) => 2 * x),
    };
    const backward = [{ kind: 'scale', role: 'mlp.act', factor: 0.5 }] as const;
    const request = { input: 'clean', patch: CORRUPT, objective: DIFF, losses: true } as const;
    for (const one of [
      { ...request, objective: squares },
      { ...request, backward },
    ]) {
      const [expected, got] = [await whole.maskGradient(TOKENS, one), await pieces.maskGradient(TOKENS, one)];
      expectClose(flat(got), flat(expected), 'scores');
      expectClose(got.losses!, expected.losses!, 'losses');
    }
    const [clean, cleanOfPieces] = [await whole.runSide([TOKENS], 'clean'), await pieces.runSide([TOKENS], 'clean')];
    expectClose(cleanOfPieces[0]!.data, clean[0]!.data, 'a side');
    const alphas = [0, 0.5];
    const expected = await collect(whole.gradientsBetween(TOKENS, request, alphas));
    const got = await collect(pieces.gradientsBetween(TOKENS, request, alphas));
    expect(got).toHaveLength(2);
    for (const i of [0, 1]) expectClose(flat(got[i]!), flat(expected[i]!), `alpha ${alphas[i]}`);
    const variants = {
      input: 'clean',
      patch: CORRUPT,
      mask: randomMask(graph, false),
      variants: [[0], [3, 5]],
      baseline: true,
    } as const;
    const logits = async (of: typeof whole) => {
      const groups = await collect(of.patchedVariants(TOKENS, variants));
      return [groups[0]!.baseline!, ...groups.flatMap((group) => group.logits)].flatMap(({ data }) => [...data]);
    };
    expectClose(await logits(pieces), await logits(whole), 'variants');
    await expect(
      pieces.maskGradient(TOKENS, { ...request, backward: [{ kind: 'stop', role: 'nothing' }] }),
    ).rejects.toThrow(expect.objectContaining({ code: 'unknown-name' }));
  });

  it('are one program each, of one layer at most', async () => {
    const model = MODELS.gpt2!;
    const graph = buildGraph(model.spec.layout, DEFAULT_GRAPH_OPTIONS);
    const backend = interpreterBackend({ precision: 'float64' });
    const weightsOf = new Map<string, string[]>();
    const compile: typeof backend.compile = (program, ...rest) => {
      const names = program.values.flatMap((value) => (value.op === 'weight' ? [value.attributes.name] : []));
      weightsOf.set(
        program.name,
        [...new Set(names.map((name) => /^L\d+\.(attn|mlp)/.exec(name)?.[0] ?? ''))].filter(Boolean),
      );
      return backend.compile(program, ...rest);
    };
    const pieces = await createPatchableModel({ model, graph, backend: { ...backend, compile }, pieces: true });
    await pieces.maskGradient(TOKENS, GRADIENTS['of the logit difference']!);
    expect([...weightsOf.keys()].filter((name) => name.startsWith('backward'))).toHaveLength(5); // 2 layers of two, and the end
    for (const modules of weightsOf.values()) expect(modules.length).toBeLessThanOrEqual(1);
  });

  it('refuse what needs a whole program', async () => {
    const { pieces } = await both(MODELS.gpt2!, {});
    const request = { input: 'clean', patch: CORRUPT, objective: DIFF } as const;
    for (const more of [
      { at: { kind: 'mask', mask: 0.5 } } as const,
      { at: { kind: 'activations', site: 'start', alpha: 0.5 } } as const,
      { neurons: true },
    ])
      await expect(pieces.maskGradient(TOKENS, { ...request, ...more })).rejects.toThrow(
        expect.objectContaining({ code: 'needs-whole-program' }),
      );
  });
});
