import { createPatchableModel, interpreterBackend } from '@auto-circuit/core';
import {
  allEdges,
  buildGraph,
  flattenScores,
  type Graph,
  type GraphOptions,
  type Mask,
  type ModelObject,
  type Objective,
  type PatchDescription,
  type Prompt,
  type PruneAlgo,
  type PruneAlgoContext,
  parseOptions,
  seededRandom,
  unflattenScores,
} from '@auto-circuit/core/plugin';
import { microModel } from '@auto-circuit/core/testing';
import { randomGemma, randomGpt2, randomLlama } from '@auto-circuit/models';
import { describe, expect, it } from 'vitest';
import { eap, eapIgActivations } from '../index.js';

const OPTIONS: GraphOptions = { factorized: true, splitQkv: true, positions: null, kvInputs: 'query-head' };
const LOGIT_DIFF: Objective = { kind: 'answers', tokenFunction: 'logit', value: 'diff' };
const PROB: Objective = { kind: 'answers', tokenFunction: 'prob', value: 'value' };

interface Setting {
  readonly graph?: Partial<GraphOptions>;
  readonly objective?: Objective;
  readonly patch?: PatchDescription;
  readonly options?: Record<string, unknown>;
}
async function contextOf(model: ModelObject, prompts: readonly Prompt[], setting: Setting) {
  const graph = buildGraph(model.spec.layout, { ...OPTIONS, ...setting.graph });
  const patchable = await createPatchableModel({ model, graph, backend: interpreterBackend({ precision: 'float64' }) });
  const context: PruneAlgoContext = {
    model: patchable,
    graph,
    batches: [{ prompts, length: prompts[0]!.clean.length }],
    objective: setting.objective ?? PROB,
    patch: setting.patch ?? { kind: 'resample', from: 'corrupt' },
    seed: 0,
    progress: { report: () => undefined },
  };
  return context;
}
async function scored(algo: PruneAlgo, context: PruneAlgoContext, options: Record<string, unknown> = {}) {
  const { scores } = await algo.score(context, parseOptions(algo.options, options, algo.name));
  return flattenScores(context.graph, scores);
}
function close(got: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  expect(got).toHaveLength(expected.length);
  for (const [i, x] of expected.entries())
    expect(Math.abs(got[i]! - x), `${i}: ${got[i]} not ${x}`).toBeLessThan(tolerance);
}
/** Activations and gradients pass between programs as float32; numbers here are below 4. */
const FLOAT32 = 4 * 8 * 2 ** -23;

describe('by hand', () => {
  // One layer, one head with weights w = (2, −1): the output is x + w∘x. d = corrupt − clean = (−1, 1), w∘d = (−2, −1), so the
  // edges change y₀ − y₁ by −1 (Resid Start->B0.0), −2 (Resid Start->Resid End), −1 (B0.0->Resid End).
  const model = microModel([[[2, -1]]]);
  const prompts: Prompt[] = [{ index: 0, clean: [[1, 0]], corrupt: [[0, 1]], answers: [0], wrongAnswers: [1] }];
  const EDGES = ['Resid Start->B0.0', 'Resid Start->Resid End', 'B0.0->Resid End'];
  const steps = 4;
  const slope = (difference: number): number => {
    const p = 1 / (1 + Math.exp(-difference));
    return p * (1 - p);
  };
  const sumOf = (differenceAt: (k: number) => number): number =>
    [1, 2, 3, 4].reduce((sum, k) => sum + slope(differenceAt(k)), 0);
  // start between (0, 1) and (1, 0): y = (3k/4, 0); head between (0, −1) and (2, 0): y = (1 + 2k/4, k/4 − 1)
  const start = sumOf((k) => (3 * k) / 4);
  const head = sumOf((k) => 2 + k / 4);

  it('own: an edge counts the runs that move its source', async () => {
    const context = await contextOf(model, prompts, {});
    expect(allEdges(context.graph).map(({ name }) => name)).toEqual(EDGES);
    const got = await scored(eapIgActivations, context, { steps });
    close(got, [start / 4, (2 * start) / 4, head / 4], FLOAT32);
  });
  it('all: the mean over all runs; what is replaced passes nothing on to what it reads', async () => {
    const context = await contextOf(model, prompts, {});
    const got = await scored(eapIgActivations, context, { steps, count: 'all' });
    close(got, [start / 8, (2 * (start + head)) / 8, (start + head) / 8], FLOAT32);
  });
});

it('is EAP where the model is linear, whatever the steps', async () => {
  const clean = [[0.25, 0.5]];
  const prompts: Prompt[] = [{ index: 0, clean, corrupt: [[-0.5, 1]], answers: [0], wrongAnswers: [1] }];
  const context = await contextOf(microModel(), prompts, { objective: LOGIT_DIFF });
  const plain = await scored(eap, context);
  // outputs of the two layers reach 25
  for (const steps of [1, 3]) close(await scored(eapIgActivations, context, { steps }), [...plain], 8 * FLOAT32);
});

describe.each(
  Object.entries({
    gpt2: randomGpt2({ layers: 2, heads: 2, dModel: 8, dHead: 4, dMlp: 12, vocabulary: 7, positions: 6, epsilon: 1e-5, activation: 'gelu_new', mlp: true }, { scale: 12 }), // biome-ignore format: a shape
    'gemma, whose norms follow its heads': randomGemma(
      {
        layers: 2,
        heads: 4,
        kvHeads: 2,
        dModel: 8,
        dHead: 2,
        dMlp: 12,
        vocabulary: 7,
        positions: 6,
        epsilon: 1e-5,
        activation: 'gelu_pytorch_tanh',
        windows: [2, null],
        attentionScale: 0.6,
        scoreCap: 3,
        logitCap: 5,
        norms: false,
      },
      { scale: 12 },
    ),
    'llama with grouped queries': randomLlama({ layers: 2, heads: 4, kvHeads: 2, dModel: 8, dHead: 2, dMlp: 12, vocabulary: 7, positions: 6, epsilon: 1e-5, activation: 'silu' }, { scale: 12 }), // biome-ignore format: a shape
  }),
)('%s', (_, model) => {
  const random = seededRandom(6, 'eap-ig-activations');
  const tokens = (): number[] => [0, 1, 2].map(() => random.below(7));
  const prompts = [0, 1].map((index) => ({
    index,
    clean: tokens(),
    corrupt: tokens(),
    answers: [0],
    wrongAnswers: [1],
  }));

  /**
   * The slow twin, by masks: patching all edges out of a block by 1 − α makes every reader see patch + α · (clean − patch).
   * Upstream of the block nothing has changed, so its difference there is that of the ends. (Not in the residual graph, where
   * modules read without edges.)
   */
  async function byMasks(context: PruneAlgoContext, steps: number): Promise<Float64Array> {
    const { graph, model: patchable, batches, objective, patch } = context;
    const total = new Float64Array(graph.edgeCount);
    for (const block of graph.sourceBlocks) {
      const own = allEdges(graph).map(({ source }) => source.index >= block.start && source.index < block.stop);
      for (let k = 1; k <= steps; k++) {
        const mask: Mask = { perItem: false, tensors: unflattenScores(graph, own.map((is) => (is ? 1 - k / steps : 0))) }; // biome-ignore format: one line
        const at = { kind: 'mask', mask } as const;
        const { tensors } = await patchable.maskGradient(batches[0]!, { input: 'clean', patch, objective, at });
        for (const item of prompts.keys()) {
          const flat = flattenScores(graph, itemOf(graph, tensors, item));
          for (const [edge, is] of own.entries()) if (is) total[edge]! += flat[edge]! / (steps * prompts.length);
        }
      }
    }
    return total;
  }
  const variants: Readonly<Record<string, Setting>> = {
    'the factorized graph': {},
    'joint inputs': { graph: { splitQkv: false } },
    'token positions': { graph: { positions: 3, splitQkv: false } },
    'zero ablation': { patch: { kind: 'zero' } },
    'batch mean': { patch: { kind: 'batch-mean', from: 'corrupt' } },
  };
  it.each(Object.entries(variants))('equals gradients at masks: %s', async (_name, setting) => {
    const context = await contextOf(model, prompts, setting);
    const [fast, slow] = [await scored(eapIgActivations, context, { steps: 3 }), await byMasks(context, 3)];
    expect(Math.max(...fast.map(Math.abs))).toBeGreaterThan(1e-3);
    close(fast, [...slow], 100 * FLOAT32 * Math.max(1e-2, ...slow.map(Math.abs)));
  });
  it('is EAP with one step, which is the clean run', async () => {
    const context = await contextOf(model, prompts, { objective: LOGIT_DIFF });
    const [one, plain] = [await scored(eapIgActivations, context, { steps: 1 }), await scored(eap, context)];
    close(one, [...plain], 100 * FLOAT32 * Math.max(...plain.map(Math.abs)));
  });
});

/** One prompt of [prompts, …]. */
const itemOf = (
  graph: Graph,
  tensors: Readonly<Record<string, { data: ArrayLike<number>; shape: readonly number[] }>>,
  item: number,
) =>
  Object.fromEntries(
    graph.destinationBlocks.map(({ module }) => {
      const { data, shape } = tensors[module]!;
      const size = data.length / shape[0]!;
      return [
        module,
        {
          dtype: 'float' as const,
          shape: shape.slice(1),
          data: Float64Array.from(data).slice(item * size, (item + 1) * size),
        },
      ];
    }),
  );
