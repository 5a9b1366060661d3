import { describe, expect, it } from 'vitest';
import { interpreterBackend } from '../backend/interpreter/interpreter.js';
import { buildGraph, DEFAULT_GRAPH_OPTIONS } from '../graph/build.js';
import { maskFromEdges } from '../graph/circuit.js';
import { edgeAt, edgesByName } from '../graph/edges.js';
import { flattenScores } from '../graph/score-index.js';
import type { Mask, PruneScores } from '../graph/types.js';
import type { Objective } from '../objectives/objective.js';
import { objectiveOnLogits } from '../objectives/on-logits.js';
import { createPatchableModel } from '../patch/engine.js';
import type { PatchableModel } from '../patch/requests/patchable-model.js';
import type { Prompt, PromptBatch } from '../prompts/types.js';
import { floatTensor } from '../tensor/tensor.js';
import { tinyPrompts, tinyTransformer } from '../testing/tiny-transformer.js';
import { createSpanModel } from './span-model.js';
import { type Spans, withSpans } from './spans.js';

const object = tinyTransformer();
const backend = () => interpreterBackend({ precision: 'float64' });
const patch = { kind: 'resample', from: 'corrupt' } as const;
const objective: Objective = { kind: 'answers', tokenFunction: 'logit', value: 'diff' };
const graphOf = (positions: number | null) => buildGraph(object.spec.layout, { ...DEFAULT_GRAPH_OPTIONS, positions });
const spanModel = (count: number) => createSpanModel({ model: object, graph: graphOf(count), backend: backend() });
const engine = (positions: number | null) =>
  createPatchableModel({ model: object, graph: graphOf(positions), backend: backend() });
/** Spans by the prompt's index, one letter a token. */
const spelled = (names: string, rows: readonly string[]): Spans => ({
  names: [...names],
  of: ({ index }) => [...rows[index]!],
});
/** The batch with its spans. */
const given = ({ prompts, length }: PromptBatch, spans: Spans): PromptBatch => ({
  length,
  prompts: withSpans(prompts, spans),
});
/** Programs give float32; sums of a few tokens. */
function close(got: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(got.length).toBe(expected.length);
  for (let i = 0; i < got.length; i++)
    expect(Math.abs(got[i]! - expected[i]!)).toBeLessThan(1e-5 * Math.max(1, Math.abs(expected[i]!)));
}
/** Scores of the `item`-th prompt, in canonical order. */
async function attribution(
  model: PatchableModel,
  batch: PromptBatch,
  item: number,
  mask?: Mask,
): Promise<Float64Array> {
  const at = mask ? ({ kind: 'mask', mask } as const) : undefined;
  const { tensors } = await model.maskGradient(batch, { input: 'clean', patch, objective, ...(at ? { at } : {}) });
  const own = Object.entries(tensors).map(([module, { data, shape }]) => {
    const each = data.length / shape[0]!;
    return [module, floatTensor(data.slice(item * each, (item + 1) * each), shape.slice(1))];
  });
  return flattenScores(model.graph, Object.fromEntries(own) as PruneScores);
}

describe('edges for each span', () => {
  it('are edges for each token position where every token is a span', async () => {
    const batch = given(tinyPrompts(3), spelled('abc', ['abc', 'abc', 'abc']));
    const [spans, tokens] = [await spanModel(3), await engine(3)];
    for (const item of [0, 2]) {
      expect(await attribution(spans, batch, item)).toEqual(await attribution(tokens, batch, item));
    }
    const mask = maskFromEdges(spans.graph, [1, 7, 40, 41], { inside: 1, outside: 0 });
    const request = { input: 'clean', patch, mask } as const;
    expect(await spans.patchedRun(batch, request)).toEqual(await tokens.patchedRun(batch, request));
    await spans.dispose();
    await tokens.dispose();
  });

  it('are edges of the whole prompt where there is one span', async () => {
    const batch = given(tinyPrompts(2), spelled('a', ['aaa', 'aaa']));
    const [spans, whole] = [await spanModel(1), await engine(null)];
    expect(spans.graph.edgeCount).toBe(whole.graph.edgeCount);
    close(await attribution(spans, batch, 1), await attribution(whole, batch, 1));
    const of = (model: PatchableModel) => {
      const mask = maskFromEdges(model.graph, [0, 3, 20], { inside: 0.5, outside: 0.1 });
      return model.patchedRun(batch, { input: 'clean', patch, mask });
    };
    close((await of(spans)).data, (await of(whole)).data);
    await spans.dispose();
    await whole.dispose();
  });

  it('add up the tokens of each prompt’s spans, whatever its length', async () => {
    // the same role at other tokens, in prompts of two lengths; one prompt lacks the second span
    const spans = spelled('abc', ['aabc', 'abcc', 'aacc', 'aabbc']);
    const model = await spanModel(3);
    const four = given(tinyPrompts(3, 4), spans);
    const longer: PromptBatch = { length: 5, prompts: [{ ...(tinyPrompts(1, 5).prompts[0] as Prompt), index: 3 }] };
    const five = given(longer, spans);
    for (const batch of [four, five]) {
      const tokens = await engine(batch.length);
      const mask = maskFromEdges(model.graph, [2, 30, 57], { inside: 1, outside: 0.25 });
      for (const [item, prompt] of batch.prompts.entries()) {
        const numbers = spans.of(prompt).map((name) => spans.names.indexOf(name));
        const perToken = tokens.graph.edgesPerPosition;
        const spread = (edges: readonly number[]): number[] =>
          edges.flatMap((edge) =>
            numbers.flatMap((span, pos) =>
              span === Math.floor(edge / perToken) ? [pos * perToken + (edge % perToken)] : [],
            ),
          );
        const byHand = await attribution(tokens, batch, item);
        const own = new Float64Array(model.graph.edgeCount);
        for (const [edge, x] of Array.from(byHand).entries())
          own[numbers[Math.floor(edge / perToken)]! * perToken + (edge % perToken)]! += x;
        close(await attribution(model, batch, item), own);
        // a run under a mask is that of the prompt by itself, under the mask of its tokens
        const alone = { length: batch.length, prompts: [prompt] };
        const tokenMask = maskFromEdges(tokens.graph, spread([2, 30, 57]), { inside: 1, outside: 0.25 });
        const expected = await tokens.patchedRun(alone, { input: 'clean', patch, mask: tokenMask });
        const all = await model.patchedRun(batch, { input: 'clean', patch, mask });
        const each = expected.data.length;
        close(all.data.slice(item * each, (item + 1) * each), expected.data);
        // and so are gradients there
        const there = new Float64Array(model.graph.edgeCount);
        for (const [edge, x] of Array.from(await attribution(tokens, alone, 0, tokenMask)).entries())
          there[numbers[Math.floor(edge / perToken)]! * perToken + (edge % perToken)]! += x;
        close(await attribution(model, batch, item, mask), there);
      }
      await tokens.dispose();
    }
    await model.dispose();
  });

  it('run variants and several masks as one by one', async () => {
    const model = await spanModel(2);
    const batch = given(tinyPrompts(3), spelled('ab', ['aab', 'abb', 'aab']));
    const edges = Array.from({ length: 11 }, (_, i) => i * 5);
    const mask = maskFromEdges(model.graph, [4], { inside: 1, outside: 0 });
    const losses = [];
    for await (const { logits, baseline } of model.patchedVariants(batch, {
      ...{ input: 'clean', patch, mask, baseline: true },
      variants: edges.map((edge) => [edge]),
    }))
      for (const own of logits)
        losses.push(objectiveOnLogits(objective, own, batch)[1]! - objectiveOnLogits(objective, baseline!, batch)[1]!);
    expect(losses).toHaveLength(edges.length);
    for (const [i, edge] of edges.entries()) {
      const masks = [[4], [4, edge]].map((own) => maskFromEdges(model.graph, own, { inside: 1, outside: 0 }));
      const [before, after] = await model.patchedRuns(batch, { input: 'clean', patch, masks });
      const change = objectiveOnLogits(objective, after!, batch)[1]! - objectiveOnLogits(objective, before!, batch)[1]!;
      expect(Math.abs(losses[i]! - change)).toBeLessThan(1e-5);
    }
    await model.dispose();
  });

  it('are named by the number of the span', async () => {
    const model = await spanModel(2);
    const [, second] = edgesByName(model.graph, 'A0.1->MLP 0');
    expect(edgeAt(model.graph, second!).name).toBe('A0.1->MLP 0@1');
    await model.dispose();
  });

  it.each([
    ['aa', 'has 3 tokens and 2 spans'],
    ['axb', 'has the span "x" at token 1'],
    ['aba', 'has "a" after "b"'],
  ])('refuse the spans %s', (row, what) => {
    expect(() => given(tinyPrompts(1), spelled('ab', [row]))).toThrow(
      expect.objectContaining({
        code: 'invalid-prompt',
        fields: { prompt: 0 },
        message: expect.stringContaining(what),
      }),
    );
  });

  it('refuse names, prompts and graphs that do not fit', async () => {
    expect(() => given(tinyPrompts(1), spelled('aa', ['aaa']))).toThrow(
      expect.objectContaining({ code: 'invalid-option', fields: { option: 'spans', got: ['a', 'a'] } }),
    );
    const request = { model: object, graph: graphOf(null), backend: backend() };
    await expect(createSpanModel(request)).rejects.toMatchObject({ code: 'unsupported-graph' });
    const model = await spanModel(2);
    await expect(attribution(model, tinyPrompts(1), 0)).rejects.toMatchObject({ code: 'invalid-prompt' });
    const three = given(tinyPrompts(1), spelled('abc', ['abc']));
    await expect(attribution(model, three, 0)).rejects.toMatchObject({ code: 'invalid-prompt' });
    await model.dispose();
  });
});
