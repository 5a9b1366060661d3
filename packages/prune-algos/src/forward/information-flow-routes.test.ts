import { createPatchableModel, interpreterBackend } from '@auto-circuit/core';
import {
  allEdges,
  buildGraph,
  edgesByName,
  flattenScores,
  type Graph,
  type ModelObject,
  type Prompt,
  type PruneAlgoContext,
  seededRandom,
} from '@auto-circuit/core/plugin';
import { microModel } from '@auto-circuit/core/testing';
import { randomGpt2, randomLlama } from '@auto-circuit/models';
import { describe, expect, it } from 'vitest';
import { informationFlowRoutes } from '../index.js';

async function contextOf(model: ModelObject, prompts: readonly Prompt[], graph = buildGraph(model.spec.layout)) {
  const patchable = await createPatchableModel({ model, graph, backend: interpreterBackend({ precision: 'float64' }) });
  const context: PruneAlgoContext = {
    model: patchable,
    graph,
    batches: [{ prompts, length: prompts[0]!.clean.length }],
    objective: { kind: 'answers', tokenFunction: 'logit', value: 'diff' },
    patch: { kind: 'resample', from: 'corrupt' },
    seed: 0,
    progress: { report: () => undefined },
  };
  return context;
}
const scored = async (context: PruneAlgoContext) =>
  flattenScores(context.graph, (await informationFlowRoutes.score(context, {})).scores);
/** Shares up to 1, of sums of a few dozen float32 numbers. */
const FLOAT32 = 32 * 2 ** -23;
function close(got: ArrayLike<number>, expected: readonly number[]): void {
  expect(got).toHaveLength(expected.length);
  for (const [i, x] of expected.entries())
    expect(Math.abs(got[i]! - x), `${i}: ${got[i]} not ${x}`).toBeLessThan(FLOAT32);
}

it('by hand: the share of each source in what is read, mean over positions and prompts', async () => {
  // One head with weights (2, −1): Resid Start writes x, the head w∘x, Resid End reads x + w∘x.
  const model = microModel([[[2, -1]]]);
  const prompt = (index: number, clean: number[][]): Prompt => ({
    index,
    clean,
    corrupt: clean,
    answers: [0],
    wrongAnswers: [1],
  });
  const prompts = [
    // read (3, 0), norm 3. Start: 3 − |(2, 0)| = 1 of 1 + 2; head (2, 0): 3 − |(1, 0)| = 2
    // read (0, 0): nothing is near, all shares 0
    prompt(0, [[1, 0], [0, 1]]), // biome-ignore format: positions
    // read (6, 0), norm 6. Start (2, 3): 6 − |(4, −3)| < 0, clamped; head (4, −3): 6 − |(2, 3)| = 1 of 1
    // read (−3, 0), as the first
    prompt(1, [[2, 3], [-1, 0]]), // biome-ignore format: positions
  ];
  const context = await contextOf(model, prompts);
  const at = (scores: Float64Array, name: string): number[] => edgesByName(context.graph, name).map((n) => scores[n]!);
  const scores = await scored(context);
  close(at(scores, 'Resid Start->B0.0'), [(1 + 1 + 1 + 1) / 4]);
  close(at(scores, 'Resid Start->Resid End'), [(1 / 3 + 0 + 0 + 1 / 3) / 4]);
  close(at(scores, 'B0.0->Resid End'), [(2 / 3 + 0 + 1 + 2 / 3) / 4]);

  const positions = await contextOf(
    model,
    prompts,
    buildGraph(model.spec.layout, { ...context.graph.options, positions: 2 }),
  );
  const apart = await scored(positions);
  const byPosition = edgesByName(positions.graph, 'B0.0->Resid End').map((n) => apart[n]!);
  close(byPosition, [(2 / 3 + 1) / 2, (0 + 2 / 3) / 2]);
});

const SMALL = {
  layers: 2,
  heads: 4,
  dModel: 8,
  dHead: 2,
  dMlp: 12,
  vocabulary: 7,
  positions: 6,
  epsilon: 1e-5,
} as const;
describe.each(
  Object.entries({
    gpt2: randomGpt2({ ...SMALL, activation: 'gelu_new', mlp: true }, { scale: 12 }),
    'llama with grouped queries': randomLlama({ ...SMALL, kvHeads: 2, activation: 'silu' }, { scale: 12 }),
  }),
)('%s', (_, model) => {
  const random = seededRandom(8, 'information-flow-routes');
  const tokens = (): number[] => [0, 1, 2].map(() => random.below(7));
  const prompts = [0, 1, 2].map((index) => ({
    index,
    clean: tokens(),
    corrupt: tokens(),
    answers: [0],
    wrongAnswers: [1],
  }));

  it.each([true, false])('equals loops over the outputs of sources (factorized: %s)', async (factorized) => {
    const graph = buildGraph(model.spec.layout, {
      factorized,
      splitQkv: true,
      positions: null,
      kvInputs: 'query-head',
    });
    const context = await contextOf(model, prompts, graph);
    const scores = await scored(context);
    close(scores, await slowly(model, context));
    expect(Math.max(...scores)).toBeLessThanOrEqual(1 + FLOAT32);
    for (const { name } of graph.destinations) {
      const into = allEdges(graph).filter(({ destination }) => destination.name === name);
      expect(Math.abs(into.reduce((sum, { number }) => sum + scores[number]!, 0) - 1), name).toBeLessThan(FLOAT32);
    }
  });
});

/** The definition, number by number. The biases of attention's output belong to no source; they are in what is read. */
async function slowly(object: ModelObject, { graph, model, batches }: PruneAlgoContext): Promise<number[]> {
  const { data, shape } = await model.sourceOutputs(batches[0]!, 'clean'); // [sources, prompts, pos, dModel]
  const [, prompts, length, dModel] = shape as [number, number, number, number];
  const wrote = (source: number, prompt: number, pos: number): number[] =>
    Array.from({ length: dModel }, (_, d) => data[((source * prompts + prompt) * length + pos) * dModel + d]!);
  const norm = (x: readonly number[]): number => x.reduce((sum, v) => sum + Math.abs(v), 0);
  return allEdges(graph).map(({ source, destination }) => {
    const upstream = upstreamOf(graph, destination.name);
    const layers = new Set(
      graph.sources.filter(({ index, head }) => head !== null && upstream.includes(index)).map(({ name }) => name[1]),
    );
    const biases = [...layers]
      .map((layer) => `L${layer}.attn.o.b`)
      .filter((name) => object.weights.names.includes(name));
    const constant = biases.map((name) => [...object.weights.read(name)]);
    let score = 0;
    for (let prompt = 0; prompt < prompts; prompt++) {
      for (let pos = 0; pos < length; pos++) {
        const outputs = upstream.map((u) => wrote(u, prompt, pos));
        const read = Array.from({ length: dModel }, (_, d) =>
          [...outputs, ...constant].reduce((sum, x) => sum + x[d]!, 0),
        );
        const near = outputs.map((x) => Math.max(0, norm(read) - norm(read.map((v, d) => v - x[d]!))));
        const total = near.reduce((sum, x) => sum + x, 0);
        score += near[upstream.indexOf(source.index)]! / total / (prompts * length);
      }
    }
    return score;
  });
}
const upstreamOf = (graph: Graph, destination: string): number[] =>
  allEdges(graph).filter((edge) => edge.destination.name === destination).map((edge) => edge.source.index); // biome-ignore format: one line
