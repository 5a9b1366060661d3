import {
  allEdges,
  flattenScores,
  type GraphOptions,
  type ModelObject,
  type Prompt,
  type PruneAlgo,
  type PruneAlgoContext,
  type PruneResult,
  parseOptions,
  seededRandom,
} from '@auto-circuit/core/plugin';
import { memoryCheckpoint, microModel, pruneAlgoContext } from '@auto-circuit/core/testing';
import { randomLlama } from '@auto-circuit/models';
import { describe, expect, it } from 'vitest';
import { eap, eapIgActivations, eapIgInputs, nodeAttribution } from '../index.js';

interface Setting {
  readonly model?: ModelObject;
  readonly prompts?: readonly Prompt[];
  readonly graph?: Partial<GraphOptions>;
  readonly context?: Partial<PruneAlgoContext>;
}
/** Scores on the micro model, or on another with its prompts. */
async function run(
  algo: PruneAlgo,
  options: Record<string, unknown>,
  { model, prompts, graph, context: more }: Setting,
) {
  const made = await pruneAlgoContext({ ...(model ? { model } : {}), ...(graph ? { graph } : {}) });
  const batches = prompts ? { batches: [{ prompts, length: prompts[0]!.clean.length }] } : {};
  const context = { ...made.context, ...batches, ...more };
  try {
    const result: PruneResult = await algo.score(context, parseOptions(algo.options, options, algo.name));
    return { ...result, graph: context.graph, flat: flattenScores(context.graph, result.scores) };
  } finally {
    await made.dispose();
  }
}
function close(got: ArrayLike<number>, expected: readonly number[]): void {
  expect(got).toHaveLength(expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  // Scores are float32, each of up to forty summands
  for (const [i, x] of expected.entries()) expect(Math.abs(got[i]! - x)).toBeLessThan(largest * 40 * 2 ** -23);
}

describe('node attribution', () => {
  it('by hand: nodes, their edges, and the numbers they write', async () => {
    // One head with weights (2, −1): y = (3x₀, 0·x₁), M = −(y₀ − y₁), corrupt − clean = (−1, 1).
    const prompts: Prompt[] = [{ index: 0, clean: [[1, 0]], corrupt: [[0, 1]], answers: [0], wrongAnswers: [1] }];
    const setting = { model: microModel([[[2, -1]]]), prompts };
    const { flat, nodes, graph } = await run(nodeAttribution, { neurons: true }, setting);
    expect(graph.sources.map(({ name }) => name)).toEqual(['Resid Start', 'B0.0']);
    expect([...nodes!.scores.data]).toEqual([3, 1]);
    expect([...nodes!.neurons!.data]).toEqual([3, 0, 2, -1]);
    expect(nodes!.neurons!.shape).toEqual([2, 2]);
    expect([...flat]).toEqual([3, 3, 1]); // Resid Start->B0.0, Resid Start->Resid End, B0.0->Resid End
    expect((await run(nodeAttribution, {}, setting)).nodes).not.toHaveProperty('neurons');
  });

  const llama = randomLlama(
    { layers: 2, heads: 4, kvHeads: 2, dModel: 8, dHead: 2, dMlp: 12, vocabulary: 7, positions: 6, epsilon: 1e-5, activation: 'silu' }, // biome-ignore format: a shape
    { scale: 12 },
  );
  const random = seededRandom(2, 'node-attribution');
  const tokens = (): number[] => [0, 1, 2].map(() => random.below(7));
  const prompts = [0, 1, 2].map((index) => ({
    index,
    clean: tokens(),
    corrupt: tokens(),
    answers: [0],
    wrongAnswers: [1],
  }));
  const EDGE_ALGOS = [
    ['clean', eap, {}],
    ['ig-inputs', eapIgInputs, { steps: 3 }],
    ['ig-activations', eapIgActivations, { steps: 2 }],
  ] as const;
  it.each(EDGE_ALGOS)(
    '%s: a node has the sum of its edges in the factorized graph',
    async (gradient, algo, options) => {
      for (const graph of [{}, { splitQkv: false, positions: 3 }]) {
        const setting = { model: llama, prompts, graph };
        const nodes = await run(nodeAttribution, { gradient, ...options, neurons: true }, setting);
        const edges = await run(algo, options, setting);
        const total = nodes.graph.sources.length;
        const expected = new Float64Array(nodes.nodes!.scores.data.length);
        for (const { number, source, position } of allEdges(edges.graph)) {
          expected[(position ?? 0) * total + source.index]! += edges.flat[number]!;
        }
        close(nodes.nodes!.scores.data, [...expected]);
        const spread = allEdges(nodes.graph).map(
          (e) => nodes.nodes!.scores.data[(e.position ?? 0) * total + e.source.index]!,
        );
        expect([...nodes.flat]).toEqual(spread);
        const { data, shape } = nodes.nodes!.neurons!;
        expect(shape).toEqual([...nodes.nodes!.scores.shape, 8]);
        close(
          Float64Array.from(expected, (_, i) => [...data.slice(i * 8, i * 8 + 8)].reduce((a, x) => a + x, 0)),
          [...expected],
        );
      }
    },
  );

  it('takes up stopped work to the same scores of numbers', async () => {
    const options = { gradient: 'ig-inputs', steps: 2, neurons: true };
    const whole = await run(nodeAttribution, options, {});
    for (const stopAfter of [1, 2, 3]) {
      const checkpoint = memoryCheckpoint();
      const controller = new AbortController();
      let reports = 0;
      const report = () => ++reports === stopAfter && controller.abort(new Error('stopped'));
      const first = run(nodeAttribution, options, {
        context: { checkpoint, signal: controller.signal, progress: { report } },
      });
      await expect(first).rejects.toThrow('stopped');
      expect((await run(nodeAttribution, options, { context: { checkpoint } })).nodes).toEqual(whole.nodes);
    }
  });
});
