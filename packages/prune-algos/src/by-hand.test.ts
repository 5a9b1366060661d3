import { createPatchableModel, interpreterBackend } from '@auto-circuit/core';
import {
  buildGraph,
  DEFAULT_GRAPH_OPTIONS,
  edgeAt,
  edgesByName,
  flattenScores,
  type GraphOptions,
  type Objective,
  type Prompt,
  type PruneAlgo,
  type PruneAlgoContext,
  type PruneScores,
  parseOptions,
  uniformAt,
} from '@auto-circuit/core/plugin';
import { microModel } from '@auto-circuit/core/testing';
import { describe, expect, it } from 'vitest';
import {
  activationMagnitude,
  cleanCorrupted,
  eap,
  eapIgInputs,
  exact,
  integratedEdgeGradients,
  knownEdges,
  maskGradient,
  random,
} from './index.js';

/**
 * One layer, one head with weights w = (2, −1), so the output is x + w∘x. With d = corrupt − clean, single edges change it by
 * w∘d (Resid Start->B0.0), d (Resid Start->Resid End) and w∘d (B0.0->Resid End).
 */
const PROMPTS: readonly Prompt[] = [
  // d = (−1, 1), w∘d = (−2, −1): losses, −(y₀ − y₁), change by 1, 2, 1
  { index: 0, clean: [[1, 0]], corrupt: [[0, 1]], answers: [0], wrongAnswers: [1] },
  // d = (2, −1), w∘d = (4, 1): losses, +(y₀ − y₁), change by 3, 3, 3
  { index: 1, clean: [[1, 1]], corrupt: [[3, 0]], answers: [1], wrongAnswers: [0] },
];
const EDGES = ['Resid Start->B0.0', 'Resid Start->Resid End', 'B0.0->Resid End'];
const LOGIT_DIFF: Objective = { kind: 'answers', tokenFunction: 'logit', value: 'diff' };
interface Setting {
  readonly prompts?: readonly Prompt[];
  readonly objective?: Objective;
  readonly options?: Record<string, unknown>;
  readonly graph?: Partial<GraphOptions>;
  readonly weights?: number[][][];
  readonly context?: Partial<PruneAlgoContext>;
}

async function run(algo: PruneAlgo, setting: Setting = {}) {
  const { prompts = PROMPTS, objective = LOGIT_DIFF, options = {}, graph: of = {}, weights = [[[2, -1]]] } = setting;
  const model = microModel(weights);
  const graph = buildGraph(model.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, ...of });
  const patchable = await createPatchableModel({ model, graph, backend: interpreterBackend() });
  const context: PruneAlgoContext = {
    model: patchable,
    graph,
    batches: [{ prompts, length: prompts[0]!.clean.length }],
    objective,
    patch: { kind: 'resample', from: 'corrupt' },
    seed: 4,
    progress: { report: () => undefined },
    ...setting.context,
  };
  const { scores, standardErrors } = await algo.score(context, parseOptions(algo.options, options, algo.name));
  await patchable.dispose();
  const named = (values: PruneScores | undefined) => {
    const flat = values && flattenScores(graph, values);
    return (name: string): number[] => edgesByName(graph, name).map((edge) => flat![edge]!);
  };
  return { graph, score: named(scores), error: named(standardErrors), scores };
}
const each = (of: (name: string) => number[]): number[] => EDGES.flatMap(of);
/** Activations are float32 between programs: a few steps of numbers up to 10. */
const FLOAT32 = 10 * 4 * 2 ** -23;
function close(got: readonly number[], expected: readonly number[]): void {
  expect(got).toHaveLength(expected.length);
  for (const [i, x] of expected.entries()) expect(Math.abs(got[i]! - x)).toBeLessThan(FLOAT32);
}

describe('exact and EAP', () => {
  it.each([exact, eap])('$name: the loss each edge costs, mean over prompts with standard errors', async (algo) => {
    const { score, error } = await run(algo);
    close(each(score), [2, 2.5, 2]);
    close(each(error), [1, 0.5, 1]); // √((1² + 1²)/2), √((½² + ½²)/2)
  });
  it('exact: losses in other objectives', async () => {
    const logprob: Objective = { kind: 'answers', tokenFunction: 'logprob', value: 'value' };
    const prompts = PROMPTS.slice(0, 1);
    // y = (3, 0), −ln σ(3); with the edge patched y₀ − y₁ is 3 less 1, 2, 1
    const loss = (difference: number): number => Math.log(1 + Math.exp(-difference));
    const { score } = await run(exact, { objective: logprob, prompts });
    close(each(score), [loss(2) - loss(3), loss(1) - loss(3), loss(2) - loss(3)]);
    // KL(σ(3) ‖ σ(z)) to the clean run itself
    const p = 1 / (1 + Math.exp(-3));
    const kl = (z: number): number => p * (loss(z) - loss(3)) + (1 - p) * (loss(-z) - loss(-3));
    close(each((await run(exact, { objective: { kind: 'kl' }, prompts })).score), [kl(2), kl(1), kl(2)]);
  });
  it('EAP is exact on losses that are linear in each edge, in several layers', async () => {
    const weights = [[[1, 2], [3, 4]], [[1, 2], [3, 4]]]; // biome-ignore format: layers
    const prompts = PROMPTS.map((prompt) => ({ ...prompt, clean: [[0.25, 0.5]], corrupt: [[-0.5, 1]] }));
    const [slow, fast] = await Promise.all([exact, eap].map((algo) => run(algo, { weights, prompts })));
    expect(slow!.graph.edgeCount).toBe(13);
    for (const [module, { data }] of Object.entries(slow!.scores)) {
      // outputs reach 25: float32 steps of that
      data.forEach((x, i) => expect(Math.abs(fast!.scores[module]!.data[i]! - x)).toBeLessThan(25 * 8 * 2 ** -23));
    }
  });
  it('token positions: only the last is read, since nothing moves information', async () => {
    const longer = PROMPTS.map((prompt) => ({
      ...prompt,
      clean: [[5, 7], ...(prompt.clean as number[][])],
      corrupt: [[6, 1], ...(prompt.corrupt as number[][])],
    }));
    for (const algo of [exact, eap]) {
      const { score } = await run(algo, { prompts: longer, graph: { positions: 2 } });
      close(EDGES.flatMap(score), [0, 2, 0, 2.5, 0, 2]);
    }
  });
});

describe('mask-gradient', () => {
  it('takes the gradient where the options say', async () => {
    // With all masks at m the output is x + m·d + w∘x + m·(2 − m)·w∘d: one edge more or less on the way through the head
    // counts 1 − m, the direct edge 1.
    const at = async (mask: number) => each((await run(maskGradient, { options: { mask } })).score);
    close(await at(0), [2, 2.5, 2]);
    close(await at(0.25), [1.5, 2.5, 1.5]);
    close(await at(1), [0, 2.5, 0]);
  });
  it('knows its token functions', async () => {
    const prompts = PROMPTS.slice(0, 1);
    const p = 1 / (1 + Math.exp(-3)); // y₀ − y₁ = 3; single edges change it by −1, −2, −1, and y₀ by −2, −1, −2
    const at = async (tokenFunction: string, answers: string) =>
      each((await run(maskGradient, { prompts, options: { tokenFunction, answers } })).score);
    close(await at('logit', 'value'), [2, 1, 2]);
    close(
      await at('prob', 'value'),
      [1, 2, 1].map((x) => x * p * (1 - p)),
    );
    close(
      await at('prob', 'diff'),
      [1, 2, 1].map((x) => 2 * x * p * (1 - p)),
    );
    close(
      await at('logprob', 'value'),
      [1, 2, 1].map((x) => x * (1 - p)),
    );
    close(
      await at('logit-exp', 'value'),
      [2, 1, 2].map((x) => x * p),
    ); // as exp(y₀) over a constant
  });
  it('mse needs targets, which come with the run', async () => {
    const prompts = PROMPTS.slice(0, 1);
    await expect(run(maskGradient, { prompts, options: { answers: 'mse' } })).rejects.toMatchObject({
      code: 'conflicting-options',
      fields: { options: ['answers', 'objective'], got: 'answers' },
    });
    const targets = { dtype: 'float' as const, shape: [1, 2], data: Float32Array.of(1, 1) };
    const { score } = await run(maskGradient, {
      prompts,
      options: { answers: 'mse' },
      objective: { kind: 'mse', tokenFunction: 'logit', targets },
    });
    // y = (3, 0): ∂M/∂y = (y − t) = (2, −1); dotted with (−2, −1), (−1, 1), (−2, −1)
    close(each(score), [-3, -3, -3]);
  });
});

describe('integrated gradients', () => {
  it('over edges: the mean of samples + 1 points from mask 0 to 1', async () => {
    const of = async (samples: number) => each((await run(integratedEdgeGradients, { options: { samples } })).score);
    close(await of(1), [1, 2.5, 1]); // 1 − m is 1 and 0
    close(await of(4), [1, 2.5, 1]); // 1, ¾, ½, ¼, 0
    // prob of one answer: σ(3 − 2m − m·(2 − m)) falls along the path; mean of the products at m = 0, ½, 1
    const prompts = PROMPTS.slice(0, 1);
    const options = { samples: 2, tokenFunction: 'prob', answers: 'value' };
    const { score } = await run(integratedEdgeGradients, { prompts, options });
    const slope = [0, 0.5, 1].map((m) => {
      const p = 1 / (1 + Math.exp(-(3 - 2 * m - m * (2 - m))));
      return p * (1 - p);
    });
    const through = (slope[0]! + 0.5 * slope[1]!) / 3;
    close(each(score), [through, (2 * (slope[0]! + slope[1]! + slope[2]!)) / 3, through]);
  });
  it('over inputs: the mean gradient at patch + (k/steps)·(clean − patch)', async () => {
    close(each((await run(eapIgInputs)).score), [2, 2.5, 2]); // linear: the same everywhere
    const objective: Objective = { kind: 'answers', tokenFunction: 'prob', value: 'value' };
    const { score } = await run(eapIgInputs, { prompts: PROMPTS.slice(0, 1), objective, options: { steps: 4 } });
    // corrupt output (0, 0), clean (3, 0): y₀ − y₁ = 3k/4 at k = 0 … 3
    const slope = [0, 1, 2, 3].reduce((sum, k) => {
      const p = 1 / (1 + Math.exp((-3 * k) / 4));
      return sum + (p * (1 - p)) / 4;
    }, 0);
    close(each(score), [slope, 2 * slope, slope]);
  });
});

describe('clean-corrupted', () => {
  it('takes the mean of the gradients at both ends', async () => {
    close(each((await run(cleanCorrupted)).score), [2, 2.5, 2]); // linear: the same everywhere
    const objective: Objective = { kind: 'answers', tokenFunction: 'prob', value: 'value' };
    const { score } = await run(cleanCorrupted, { prompts: PROMPTS.slice(0, 1), objective });
    const p = 1 / (1 + Math.exp(-3)); // corrupt output (0, 0), clean (3, 0)
    const slope = (p * (1 - p) + 1 / 4) / 2;
    close(each(score), [slope, 2 * slope, slope]);
  });
});

describe('known edges', () => {
  it('are 1, all others 0; a name without a position is the edge at every position', async () => {
    const { score } = await run(knownEdges, { options: { edges: `${EDGES[0]}, ${EDGES[2]}` } });
    expect(each(score)).toEqual([1, 0, 1]);
    const two = PROMPTS.map((p) => ({ ...p, clean: [...p.clean, ...p.clean], corrupt: [...p.corrupt, ...p.corrupt] }));
    const at = await run(knownEdges, {
      prompts: two as Prompt[],
      graph: { positions: 2 },
      options: { edges: `${EDGES[0]},${EDGES[1]}@1` },
    });
    expect(each(at.score)).toEqual([1, 1, 0, 1, 0, 0]);
  });
  it('have to be named, and to be there', async () => {
    await expect(run(knownEdges)).rejects.toMatchObject({ code: 'missing-option', fields: { option: 'edges' } });
    await expect(run(knownEdges, { options: { edges: 'B0.0->B0.0' } })).rejects.toThrow(/B0\.0->B0\.0/);
  });
});

describe('baselines', () => {
  it('activation magnitude: the mean of signed activations first, then its size; batches by their prompts', async () => {
    // Resid Start: prompts sum to 1 and 2; B0.0: to 2 and 1; two numbers each. All edges of a source get its size.
    const { score } = await run(activationMagnitude);
    close(each(score), [0.75, 0.75, 0.75]);
    const third: Prompt = { ...PROMPTS[0]!, index: 2, clean: [[-4, -4]] }; // sums −8 and −4
    const batches = [
      { prompts: PROMPTS, length: 1 },
      { prompts: [third], length: 1 },
    ];
    const cut = await run(activationMagnitude, { context: { batches } });
    close(each(cut.score), [(2 * 0.75 + 4) / 3, (2 * 0.75 + 4) / 3, (2 * 0.75 + 2) / 3]);
    const together = await run(activationMagnitude, {
      context: { batches: [{ prompts: [...PROMPTS, third], length: 1 }] },
    });
    close(each(together.score), [5 / 6, 5 / 6, 1 / 6]);
  });
  it('activation magnitude in the residual graph: each edge has the size of its own source', async () => {
    // two layers: x = (1, 0) → head (2, −0) → stream … ; AutoCircuit gives the edges of later modules those of the first sources
    const { graph, scores } = await run(activationMagnitude, {
      weights: [[[2, -1]], [[0.5, 3]]],
      graph: { factorized: false },
      prompts: [PROMPTS[1]!], // clean (1, 1): start 1; head (2, −1): ½; stream (3, 0): 1.5; head (1.5, 0): 0.75
    });
    const sizes: Readonly<Record<string, number>> = { 'Resid Start': 1, 'B0.0': 0.5, 'Resid Post 0': 1.5, 'B1.0': 0.75, 'Resid Post 1': 2.25 }; // biome-ignore format: one line
    const flat = flattenScores(graph, scores);
    const of = [...flat.keys()].map((edge) => sizes[edgeAt(graph, edge).source.name]);
    close([...flat], of as number[]);
  });
  it('activation magnitude warns where centred weights leave it rounding', async () => {
    const warnings: string[] = [];
    const context = { warn: (line: string) => warnings.push(line) };
    await run(activationMagnitude, { context });
    expect(warnings).toEqual([]); // means of 0.75
    const { score } = await run(activationMagnitude, { context, weights: [[[1, -1]]], prompts: [PROMPTS[1]!] });
    expect(each(score)).toEqual([1, 1, 0]); // clean (1, 1): B0.0 writes (1, −1)
    expect(warnings).toEqual([expect.stringMatching(/mean is 0.*use the weights unprocessed$/)]);
  });
  it('random: numbers by seed and canonical edge number', async () => {
    const { score, graph } = await run(random, { graph: { positions: 3 }, context: { seed: 8 } });
    expect(graph.edgeCount).toBe(9);
    expect(score('B0.0->Resid End')).toEqual([2, 5, 8].map((edge) => Math.fround(uniformAt(8, edge))));
  });
});
